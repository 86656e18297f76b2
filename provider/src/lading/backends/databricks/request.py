"""The exact body of ``runs/submit``: pure."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any

from lading.backends.databricks import nodes
from lading.environment import is_remote, resolve, with_driver

if TYPE_CHECKING:
    from lading.backends.base import JobRequest
    from lading.backends.databricks.settings import DatabricksSettings

TASK = "step"
_ENVIRONMENT = "step"
_RUN_ID = "{{job.run_id}}"  # the platform puts the run's own id in its place
_BACKSTOP_S = 300  # behind the worker's own deadline, for when nobody is left to cancel the run
_TAG = re.compile(r"[^A-Za-z0-9 +=.:/@_-]")  # what not every cloud takes in a tag
_SPOT = {
    "aws": "SPOT_WITH_FALLBACK",
    "azure": "SPOT_WITH_FALLBACK_AZURE",
    "gcp": "PREEMPTIBLE_WITH_FALLBACK_GCP",
}


def runner_file(settings: DatabricksSettings, digest: str) -> str:
    return f"{settings.files}/lading-runner-{digest.removeprefix('sha256:')[:20]}.py"


def intent_file(settings: DatabricksSettings, job_name: str) -> str:
    """Says that a run of that name was, or is about to be, submitted: it holds the whole request."""
    return f"{settings.files}/lading-job-{job_name}.json"


def run(job: JobRequest, settings: DatabricksSettings, runner: str) -> dict[str, Any]:
    """``runner``: path of the runner's file."""
    task: dict[str, Any] = {
        "task_key": TASK,
        "max_retries": 0,
        "spark_python_task": {"python_file": runner, "parameters": [_order(job, settings), _RUN_ID]},
    }
    body: dict[str, Any] = {
        "run_name": _run_name(job),
        "idempotency_token": job.name,
        "queue": {"enabled": True},
        "tasks": [task],
    }
    if settings.serverless:
        _onto_serverless(job, settings, body, task)
    else:
        task["new_cluster"] = _cluster(job, settings)
        if packages := requirements_file(job, settings):
            task["libraries"] = [{"requirements": packages[0]}]
    if settings.run_as:
        body["run_as"] = {"service_principal_name": settings.run_as}
    if job.timeout_s is not None:
        body["timeout_seconds"] = math.ceil(job.timeout_s) + _BACKSTOP_S
    return body


def requirements_file(job: JobRequest, settings: DatabricksSettings) -> tuple[str, bytes] | None:
    """Path and content, named by its digest; None: nothing is to be installed, or not from a file."""
    lines = _package_lines(job, settings)
    if settings.serverless or not lines:
        return None
    content = "".join(f"{line}\n" for line in lines).encode()
    digest = hashlib.sha256(content).hexdigest()[:32]
    return f"{settings.files}/lading-requirements-{digest}.txt", content


def _package_lines(job: JobRequest, settings: DatabricksSettings) -> list[str]:
    """Of a requirements file: what the step asks for, and what the runner reaches the store by."""
    root = settings.store_view(job.store_root).root
    if not job.requirements and not is_remote(root):
        return []
    asked = with_driver(resolve(job.requirements, job.python), root)
    return [*asked.options, *asked.lines]


def _order(job: JobRequest, settings: DatabricksSettings) -> str:
    """What the bootstrap is told, as JSON in which the platform finds nothing to replace."""
    told = {
        "spec": job.spec_uri,
        "env": dict(job.env),
        "secret_env": dict(settings.secret_env),
        "spark": bool(job.options.get("spark", False)),
    }
    return json.dumps(told, sort_keys=True).replace("{{", "{\\u007b")


def _onto_serverless(
    job: JobRequest, settings: DatabricksSettings, body: dict[str, Any], task: dict[str, Any]
) -> None:
    spec = {
        "environment_version": settings.environment_version,
        "dependencies": _package_lines(job, settings),
    }
    body["environments"] = [{"environment_key": _ENVIRONMENT, "spec": spec}]
    task["environment_key"] = _ENVIRONMENT
    task["disable_auto_optimization"] = True  # it would run a failed step again
    if job.resources.gpu is not None:
        task["compute"] = {"hardware_accelerator": nodes.accelerator(job.resources.gpu)}
    if "performance_target" in job.options:
        body["performance_target"] = job.options["performance_target"]


def _cluster(job: JobRequest, settings: DatabricksSettings) -> dict[str, Any]:
    node = nodes.node_for(job.resources, settings)
    runtime = settings.spark_version
    if job.resources.gpu is not None:
        runtime = settings.gpu_spark_version or runtime
    cluster = {
        "spark_version": runtime,
        "data_security_mode": settings.access_mode,
        **_workers(job),
        "custom_tags": _tags(job, settings),
        "node_type_id": None if settings.instance_pool else node,
        "instance_pool_id": settings.instance_pool,
        "policy_id": settings.policy,
        "docker_image": _image(job, settings),
        "runtime_engine": job.options.get("runtime_engine"),
        **_cloud_attributes(job, settings, settings.cloud_of(node)),
    }
    return {name: value for name, value in cluster.items() if value is not None}


def _workers(job: JobRequest) -> dict[str, Any]:
    """A driver alone needs Spark told so, and the mark by which Databricks knows it."""
    count, conf = job.options.get("workers", 0), dict(job.options.get("spark_conf", {}))
    if count:
        return {"num_workers": count, **({"spark_conf": conf} if conf else {})}
    alone = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
    return {"num_workers": 0, "spark_conf": {**conf, **alone}}


def _tags(job: JobRequest, settings: DatabricksSettings) -> dict[str, str]:
    own = {f"lading_{name}": value for name, value in job.labels.items()}
    alone = {} if job.options.get("workers") else {"ResourceClass": "SingleNode"}
    every = {**settings.tags, **own, "lading_job": job.name, **alone}
    return {_TAG.sub("_", name)[:127]: _TAG.sub("_", value)[:255] for name, value in every.items()}


def _image(job: JobRequest, settings: DatabricksSettings) -> dict[str, Any] | None:
    if job.image is None:
        return None
    login = {name: f"{{{{secrets/{place}}}}}" for name, place in settings.image_login.items()}
    return {"url": job.image, **({"basic_auth": login} if login else {})}


def _cloud_attributes(job: JobRequest, settings: DatabricksSettings, cloud: str | None) -> dict[str, Any]:
    if cloud is None:
        return {}
    found: dict[str, Any] = {}
    if job.resources.spot:  # the driver too, which by default is not
        found |= {"availability": _SPOT[cloud], "first_on_demand": 0}
    if settings.instance_profile:
        name = "instance_profile_arn" if cloud == "aws" else "google_service_account"
        found[name] = settings.instance_profile
    if job.resources.disk is not None:
        found |= {
            "ebs_volume_type": "GENERAL_PURPOSE_SSD",
            "ebs_volume_count": 1,
            "ebs_volume_size": nodes.gib(job.resources.disk),
        }
    return {f"{cloud}_attributes": found} if found else {}


def _run_name(job: JobRequest) -> str:
    labels = job.labels
    mapped = f"[{labels['map_index']}]" if labels.get("map_index", "-1") != "-1" else ""
    return f"{job.dag_id}.{job.task_id}{mapped} {labels.get('run_id', '')} lading-{job.name[:12]}"
