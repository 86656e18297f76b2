"""The exact request for a container: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.backends.mounts import folder_of
from lading.resources import parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.backends.base import JobRequest
    from lading.backends.docker.settings import DockerSettings

PRIVATE = "/lading"  # an anonymous volume of the container: the runner, what is handed over, scratch
WORK, SCRATCH = f"{PRIVATE}/work", f"{PRIVATE}/scratch"
RUNNER, HANDOVER = f"{PRIVATE}/runner.pyz", f"{PRIVATE}/handover.json"
PACKAGES = "/opt/lading/packages"  # in an image that was made of the step's requirements


#: Options of ``create_host_config`` that a step may set: none that weakens the container's walls.
OPTIONS = frozenset(
    {
        "blkio_weight",
        "cpuset_cpus",
        "dns",
        "dns_opt",
        "dns_search",
        "extra_hosts",
        "oom_score_adj",
        "pids_limit",
        "runtime",
        "ulimits",
    }
)


def container_name(job_name: str) -> str:
    return f"lading-{job_name}"


def container(job: JobRequest, settings: DockerSettings, image: str, *, packages: bool) -> dict[str, Any]:
    """Arguments of ``create_container``, with those of ``create_host_config`` under ``host_config``."""
    env = {
        **job.env,
        "HOME": WORK,
        "TMPDIR": SCRATCH,
        "LADING_HANDOVER": HANDOVER,
        **({"LADING_PACKAGES": PACKAGES} if packages else {}),
    }
    return {
        "name": container_name(job.name),
        "image": image,
        "entrypoint": [settings.interpreter, "-I", "-u", RUNNER],
        "command": ["--spec", job.spec_uri],
        "user": settings.job_user,
        "working_dir": WORK,
        "environment": env,
        "labels": {"lading.job": job.name, **{f"lading.{key}": value for key, value in job.labels.items()}},
        "volumes": [PRIVATE],
        "host_config": _host_config(job, settings),
    }


def _host_config(job: JobRequest, settings: DockerSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "init": True,  # Python as process 1 ignores SIGTERM
        "read_only": settings.read_only,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777"},  # noqa: S108  # for programs that ignore TMPDIR
        "mounts": [*_store_mounts(job, settings), *map(_bind, settings.mounts)],
        **({"network_mode": settings.network} if settings.network else {}),
        **_limits(job),
    }
    return {**config, **job.options}


def _limits(job: JobRequest) -> dict[str, Any]:
    asked = job.resources
    limits: dict[str, Any] = {}
    if asked.cpu is not None:
        limits["nano_cpus"] = round(asked.cpu * 1_000_000_000)
    if asked.memory is not None:
        limits["mem_limit"] = limits["memswap_limit"] = parse_size(asked.memory)  # the same: no swap
    if asked.shm is not None:
        limits["shm_size"] = parse_size(asked.shm)
    if asked.gpu is not None:
        limits["device_requests"] = [{"Count": asked.gpu.count, "Capabilities": [["gpu"]]}]
    return limits


def _store_mounts(job: JobRequest, settings: DockerSettings) -> list[dict[str, Any]]:
    """The artifacts to read, the attempt's own folder to write."""
    host = settings.host_folder(job.store_root)
    if host is None:
        return []
    inside = folder_of(settings.store_view(job.store_root).root)
    return [
        _bind({"source": f"{host}/blobs", "target": f"{inside}/blobs", "read_only": True}),
        _bind({"source": f"{host}/{job.folder}", "target": f"{inside}/{job.folder}"}),
    ]


def _bind(mount: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": mount["source"],
        "Target": mount["target"],
        "ReadOnly": bool(mount.get("read_only", False)),
    }
