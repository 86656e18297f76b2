"""The exact request for a custom job, as JSON of the published API: pure."""

from __future__ import annotations

import inspect
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from lading.backends.vertex import launch, machines, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.backends.base import JobRequest
    from lading.backends.vertex.settings import VertexSettings

#: What a step may set of what its target says.
OPTIONS = frozenset({"machine_type", "disk_type"})
MOST_VARIABLES = 100
UNKNOWN_PROJECT = "{project of the connection}"


def runner_key(digest: str) -> str:
    """Where the runner lies in the store, one per release."""
    return f"runners/{digest.removeprefix('sha256:')}.pyz"


def lock_key(job: JobRequest) -> str:
    return f"{job.folder}/lock.txt"


def parent(settings: VertexSettings, project: str | None) -> str:
    return f"projects/{project or UNKNOWN_PROJECT}/locations/{settings.region}"


def create(
    job: JobRequest, settings: VertexSettings, runner: str, project: str | None = None
) -> dict[str, Any]:
    """Of ``projects.locations.customJobs.create``. ``runner``: key of the runner in the store."""
    custom_job = {
        "displayName": names.display_name(job.dag_id, job.task_id),
        "labels": names.labels(job.name, job.labels, settings.labels),
        "jobSpec": _job_spec(job, settings, runner),
    }
    if settings.encryption_key:
        custom_job["encryptionSpec"] = {"kmsKeyName": settings.encryption_key}
    return {"parent": parent(settings, project or settings.project), "customJob": custom_job}


def machine_type(job: JobRequest, settings: VertexSettings) -> str | None:
    """The one that is asked for by name."""
    given = job.options.get("machine_type", settings.machine_type)
    return None if given is None else str(given)


def _job_spec(job: JobRequest, settings: VertexSettings, runner: str) -> dict[str, Any]:
    pool = {
        "replicaCount": "1",
        "machineSpec": machines.spec(job.resources, machine_type(job, settings)),
        "diskSpec": {
            "bootDiskType": job.options.get("disk_type", settings.disk_type),
            "bootDiskSizeGb": machines.disk_gb(job.resources),
        },
        "containerSpec": _container(job, settings, runner),
    }
    # The service itself would start a failed job again and again, each time with the step's effects.
    scheduling: dict[str, Any] = {"disableRetries": True, "restartJobOnWorkerRestart": False}
    if job.resources.spot:
        scheduling["strategy"] = "SPOT"
    if job.timeout_s is not None:
        scheduling["timeout"] = f"{math.ceil(job.timeout_s)}s"
    given = {"serviceAccount": settings.service_account, "network": settings.network}
    return {
        "workerPoolSpecs": [pool],
        "scheduling": scheduling,
        **{key: value for key, value in given.items() if value},
    }


def _container(job: JobRequest, settings: VertexSettings, runner: str) -> dict[str, Any]:
    args = [settings.path_of(job.store_root, runner), job.spec_uri]
    if job.requirements:
        args.append(settings.path_of(job.store_root, lock_key(job)))
    found: dict[str, Any] = {
        "imageUri": str(job.image),
        "command": [settings.interpreter, "-I", "-u", "-c", _program()],
        "args": args,
    }
    if variables := _variables(job.env):
        found["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
    return found


def _variables(env: Mapping[str, str]) -> dict[str, str]:
    """An empty value is a missing one to the service: the job sets those itself."""
    empty = sorted(name for name, value in env.items() if not value)
    return {
        **{name: value for name, value in env.items() if value},
        **({launch.EMPTY: ",".join(empty)} if empty else {}),
    }


@cache
def _program() -> str:
    return inspect.getsource(launch)


def checked(custom_job: Mapping[str, Any]) -> Any:
    """``custom_job`` as the client's own type.

    :raises ParseError: a field that the API does not have, or a value that it does not take
    """
    from google.cloud.aiplatform_v1 import CustomJob
    from google.protobuf import json_format

    made = CustomJob()
    json_format.ParseDict(dict(custom_job), CustomJob.pb(made))
    return made
