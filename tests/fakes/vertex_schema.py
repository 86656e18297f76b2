"""What the service says of a custom job that it does not take.

Which fields there are and which must be set is what the client's own types and their descriptions say; the
rest is as the reference has it: labels, names, machine types, and which accelerators a machine takes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from google.cloud import aiplatform_v1
from google.protobuf.unknown_fields import UnknownFieldSet

if TYPE_CHECKING:
    from collections.abc import Iterator

_POWERS = (1, 2, 4, 8, 16)
#: By pattern of the machine type: the accelerators that it takes, and how many.
_MACHINES: dict[str, dict[str, tuple[int, ...]]] = {
    r"e2-(standard-(4|8|16|32)|highmem-(2|4|8|16)|highcpu-(16|32))": {},
    r"n2-(standard-(4|8|16|32|48|64|80)|highmem-(2|4|8|16|32|48|64|80)|highcpu-(16|32|48|64|80))": {},
    r"n1-(standard-(4|8|16|32|64|96)|highmem-(2|4|8|16|32|64|96)|highcpu-(16|32|64|96))": {
        **dict.fromkeys(("NVIDIA_TESLA_T4", "NVIDIA_TESLA_P4", "NVIDIA_TESLA_P100"), (1, 2, 4)),
        "NVIDIA_TESLA_V100": (1, 2, 4, 8),
    },
    r"c2-standard-(4|8|16|30|60)|m1-(megamem-96|ultramem-(40|80|160))": {},
    r"g2-standard-(4|8|12|16|32)": {"NVIDIA_L4": (1,)},
    **{rf"g2-standard-{12 * n}": {"NVIDIA_L4": (n,)} for n in (2, 4, 8)},
    **{rf"a2-highgpu-{n}g": {"NVIDIA_TESLA_A100": (n,)} for n in _POWERS[:4]},
    r"a2-megagpu-16g": {"NVIDIA_TESLA_A100": (16,)},
    **{rf"a2-ultragpu-{n}g": {"NVIDIA_A100_80GB": (n,)} for n in _POWERS[:4]},
    **{rf"a3-highgpu-{n}g": {"NVIDIA_H100_80GB": (n,)} for n in _POWERS[:4]},
    r"a3-megagpu-8g": {"NVIDIA_H100_MEGA_80GB": (8,)},
    r"a3-ultragpu-8g": {"NVIDIA_H200_141GB": (8,)},
}
_LABEL = r"[a-z][a-z0-9_-]{0,62}"
_VALUE = r"[a-z0-9_-]{0,63}"
_DISKS = ("pd-ssd", "pd-standard", "hyperdisk-balanced")


def refusals(job: Any) -> Iterator[str]:
    """``job``: the protobuf message of a custom job."""
    yield from _fields(job, "custom_job")
    if len(job.display_name) > 128:
        yield "The display name of the custom job is longer than 128 characters."
    for key, value in job.labels.items():
        if not re.fullmatch(_LABEL, key) or not re.fullmatch(_VALUE, value):
            yield f"Invalid label {key!r}: {value!r}."
    if len(job.labels) > 64:
        yield "More than 64 labels."
    pools = job.job_spec.worker_pool_specs
    if not pools:
        yield "At least one worker pool must be specified."
    for pool in pools:
        accelerator = aiplatform_v1.AcceleratorType(pool.machine_spec.accelerator_type).name
        yield from _pool(pool, accelerator)


def _pool(pool: Any, accelerator: str) -> Iterator[str]:
    if pool.replica_count < 1:
        yield "The replica count must be at least 1."
    if not pool.container_spec.image_uri and not pool.python_package_spec.executor_image_uri:
        yield "The image URI of the container is missing."
    if len(pool.container_spec.env) > 100:
        yield "More than 100 environment variables."
    yield from _machine(pool.machine_spec.machine_type, accelerator, pool.machine_spec.accelerator_count)
    disk = pool.disk_spec
    if disk.boot_disk_type and disk.boot_disk_type not in _DISKS:
        yield f'Boot disk type "{disk.boot_disk_type}" is not supported.'
    if disk.boot_disk_size_gb and not 100 <= disk.boot_disk_size_gb <= 64000:
        yield f"Boot disk size {disk.boot_disk_size_gb} is out of range [100, 64000]."


def _machine(machine: str, accelerator: str, count: int) -> Iterator[str]:
    takes = next((found for pattern, found in _MACHINES.items() if re.fullmatch(pattern, machine)), None)
    if takes is None:
        yield f'Machine type "{machine}" is not supported.'
    elif (accelerator != "ACCELERATOR_TYPE_UNSPECIFIED") != (count > 0):
        yield "Accelerator type and accelerator count must be set together."
    elif count and count not in takes.get(accelerator, ()):
        yield f'Accelerator "{accelerator}", count {count}, is not supported with machine type "{machine}".'
    elif not count and takes and not machine.startswith("n1-"):
        yield f'Machine type "{machine}" needs its accelerators.'


@cache
def _required(kind: str) -> frozenset[str]:
    """By the description of the published type: its descriptor, as the client has it, does not say."""
    described = getattr(aiplatform_v1, kind).__doc__ or ""
    return frozenset(re.findall(r"^\s+(\w+) \(.*\):\n\s+Required\.", described, re.MULTILINE))


def _fields(message: Any, path: str) -> Iterator[str]:
    """Fields that are not published, and required ones that are absent."""
    for unknown in UnknownFieldSet(message):
        yield f"Unknown field number {unknown.field_number} in {path}."
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        repeated = field.is_repeated
        absent = not value if repeated or not field.has_presence else not message.HasField(field.name)
        if absent and field.name in _required(message.DESCRIPTOR.name):
            yield f"Required field {path}.{field.name} is missing."
        if field.message_type is None or absent or field.message_type.GetOptions().map_entry:
            continue
        if field.message_type.full_name.startswith("google.protobuf."):
            continue
        for item in value if repeated else (value,):
            yield from _fields(item, f"{path}.{field.name}")
