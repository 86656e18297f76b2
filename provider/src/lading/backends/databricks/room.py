"""Whether a workspace would take a job now, as far as it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lading.backends.base import Finding
from lading.backends.databricks import nodes
from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lading.backends.base import JobRequest
    from lading.backends.databricks.settings import DatabricksSettings
    from lading.backends.databricks.workspace import Workspace


def findings(job: JobRequest, settings: DatabricksSettings, workspace: Workspace) -> Iterator[Finding]:
    """Names that the target says, looked up in the workspace. Quotas of its cloud are not told."""
    runtimes = workspace.ask("2.1/clusters/spark-versions", "list its runtimes").get("versions", [])
    yield Finding("workspace", True, f"answers on connection {settings.connection!r}")
    if settings.serverless:
        return
    yield _known("runtime", settings.spark_version, [one["key"] for one in runtimes], "spark_version")
    node = None if settings.instance_pool else nodes.node_for(job.resources, settings)
    if node is not None:
        kinds: list[dict[str, Any]] = workspace.ask(
            "2.1/clusters/list-node-types", "list its node types"
        ).get("node_types", [])
        yield _known("node type", node, [one["node_type_id"] for one in kinds], "node_type")
    if settings.policy is not None:
        yield _policy(settings.policy, workspace)


def _known(name: str, asked: str | None, there: list[str], key: str) -> Finding:
    return Finding(name, asked in there, f"{asked}", f"correct {key}; the workspace has {len(there)}")


def _policy(policy: str, workspace: Workspace) -> Finding:
    try:
        found = workspace.ask("2.0/policies/clusters/get", f"read policy {policy!r}", policy_id=policy)
    except ConfigError as e:
        return Finding("policy", False, str(e), "correct policy of the target")
    return Finding("policy", True, f"{policy}: {found.get('name')}")
