"""Which machine a step gets: a node type of the target's for a cluster, an accelerator for serverless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.backends.base import Problem
from lading.resources import GPU, Resources, parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.backends.databricks.settings import DatabricksSettings

#: Of serverless compute, by type and count, as the API names them (databricks-sdk 0.162, November 2026).
ACCELERATORS = {
    ("a10", 1): "GPU_1xA10",
    ("h100", 1): "GPU_1xH100",
    ("h100", 8): "GPU_8xH100",
    ("b300", 8): "GPU_8xB300",
}
_EBS_GIB = (100, 4096)  # of one general purpose volume, as the API takes it


def node_for(asked: Resources, settings: DatabricksSettings) -> str | None:
    """The node type for ``asked``; None: the target names none that fits, or leaves it to pool and policy."""
    if not settings.node_types:
        return settings.node_type
    return next((str(node["node_type"]) for node in settings.node_types if _fits(node, asked)), None)


def accelerator(gpu: GPU) -> str | None:
    """Of serverless compute; the smallest where no type is asked for. None: there is none such."""
    if gpu.type is not None:
        return ACCELERATORS.get((gpu.type, gpu.count))
    return next((name for (_, count), name in ACCELERATORS.items() if count == gpu.count), None)


def problems(asked: Resources, settings: DatabricksSettings) -> Iterator[Problem]:
    """What the compute of the target cannot give."""
    if asked.shm is not None:
        yield Problem("resources.shm", "Databricks has no such limit", "drop shm")
    if settings.serverless:
        yield from _serverless_problems(asked)
    else:
        yield from _classic_problems(asked, settings)


def _serverless_problems(asked: Resources) -> Iterator[Problem]:
    cure = 'drop it, or choose a target with "compute": "classic"'
    for name in ("cpu", "memory", "disk", "spot"):
        if value := getattr(asked, name):
            yield Problem(f"resources.{name}", f"{value!r} cannot be chosen on serverless compute", cure)
    if asked.gpu is not None and accelerator(asked.gpu) is None:
        known = ", ".join(f"GPU({kind!r}, {count})" for kind, count in ACCELERATORS)
        text = f"serverless compute has no {asked.gpu.count} x {asked.gpu.type or 'any GPU'}"
        yield Problem("resources.gpu", text, f"ask for one of: {known}")


def _classic_problems(asked: Resources, settings: DatabricksSettings) -> Iterator[Problem]:
    node = node_for(asked, settings)
    sized = [name for name in ("cpu", "memory", "gpu") if getattr(asked, name) is not None]
    if sized and not settings.node_types:
        text = "a cluster's size is its node type, and the target does not say what its nodes have"
        example = '"node_types": [{"node_type": "m5.xlarge", "cpu": 4, "memory": "16GiB"}]'
        cure = f"drop {sized[0]}, or list them: {example}"
        yield Problem(f"resources.{sized[0]}", text, cure)
    elif settings.node_types and node is None:
        known = ", ".join(str(one["node_type"]) for one in settings.node_types)
        text = f"no node type of the target has {_told(asked)}; it has: {known}"
        yield Problem(f"resources.{(sized or ['cpu'])[-1]}", text, "ask for less, or add one to node_types")
    if asked.gpu is not None and "-gpu-" not in (settings.gpu_spark_version or settings.spark_version or ""):
        text = f"runtime {settings.gpu_spark_version or settings.spark_version!r} has no GPU driver"
        cure = 'name one that has: "gpu_spark_version": "16.4.x-gpu-ml-scala2.12"'
        yield Problem("gpu_spark_version", text, cure)
    yield from _cloud_problems(asked, settings, settings.cloud_of(node))


def _cloud_problems(asked: Resources, settings: DatabricksSettings, cloud: str | None) -> Iterator[Problem]:
    needed = {
        "resources.spot": asked.spot,
        "resources.disk": asked.disk,
        "instance_profile": settings.instance_profile,
    }
    if cloud is None:
        for name in (name for name, value in needed.items() if value):
            text = "depends on the cloud, which the node type's name does not show"
            yield Problem(name, text, 'say it in the target: "cloud": "aws"')
        return
    if settings.instance_pool and asked.spot:
        text = "the instances of a pool are as the pool has them"
        yield Problem("resources.spot", text, "drop spot, or name a pool of spot instances")
    if settings.instance_profile and cloud == "azure":
        text = "there are none on Azure"
        yield Problem("instance_profile", text, "give the job its credentials by secret_env")
    if asked.disk is None:
        return
    low, high = _EBS_GIB
    if cloud != "aws":
        text = "only nodes of AWS can be given a disk of a size"
        yield Problem("resources.disk", text, "drop disk, and choose a node type with local disks")
    elif not low <= gib(asked.disk) <= high:
        yield Problem("resources.disk", f"is {asked.disk}", f"ask for {low}GiB to {high}GiB")


def gib(size: str) -> int:
    """Rounded up."""
    return -(-parse_size(size) // 2**30)


def _fits(node: Mapping[str, Any], asked: Resources) -> bool:
    gpu = node.get("gpu")
    if (asked.gpu is None) != (gpu is None):  # a GPU that nobody asked for is not given away
        return False
    if asked.gpu is not None and gpu is not None and not _has(gpu, asked.gpu):
        return False
    return (asked.cpu or 0) <= float(node["cpu"]) and parse_size(asked.memory or "0") <= parse_size(
        node["memory"]
    )


def _has(gpu: Mapping[str, Any], asked: GPU) -> bool:
    return asked.type in (None, gpu["type"]) and asked.count <= int(gpu["count"])


def _told(asked: Resources) -> str:
    gpu = f"{asked.gpu.count} x {asked.gpu.type or 'any GPU'}" if asked.gpu else "no GPU"
    return f"{asked.cpu or 'any'} cores, {asked.memory or 'any'} memory and {gpu}"
