"""Every option of ``[lading]`` in one table: settings, provider info and documentation come from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = "lading"


@dataclass(frozen=True)
class Option:
    type: str  # "string" | "integer" | "float" | "boolean", as Airflow's provider schema spells them
    default: str | None  # None: depends on the machine, ``description`` says how
    description: str
    example: str
    version_added: str
    minimum: float = 0
    maximum: float | None = None


OPTIONS: Mapping[str, Option] = {
    "store": Option(
        "string",
        None,
        "Where artifacts and lineage events live: a URL (file://, s3://, gs://, abfss://) or the id of a "
        "connection of type lading. Default: file://{AIRFLOW_HOME}/lading.",
        "s3://acme-ml/lading",
        "0.1.0",
    ),
    "default_target": Option(
        "string",
        "local",
        "Where steps run that do not say on=: a target or a backend.",
        "gpu-pool",
        "0.1.0",
    ),
    "targets": Option(
        "string",
        None,
        "Named targets as a JSON object. A target named as a backend sets the defaults of that backend.",
        '{"py312": {"backend": "venv", "python": "3.12"}}',
        "0.1.0",
    ),
    "targets_file": Option(
        "string",
        None,
        "A TOML file of named targets, one table each. A target may not stand both here and in targets.",
        "/etc/lading/targets.toml",
        "0.1.0",
    ),
    "inline_limit": Option(
        "integer",
        "1024",
        "JSON values of at most this many bytes stay readable in their XCom row, larger ones go to the "
        "artifact store. At most 1200: a row stays under 2 KiB.",
        "512",
        "0.1.0",
        maximum=1200,
    ),
    "allow_pickle": Option(
        "boolean",
        "False",
        "Whether values that fit no other format may be stored as pickle, and such artifacts be loaded. "
        "Loading a pickle runs code of whoever wrote it.",
        "True",
        "0.1.0",
    ),
    "previews": Option(
        "boolean",
        "True",
        "Whether a preview (the first rows, statistics, a picture, the beginning of a text) is stored beside "
        "each artifact, for the pages of Airflow: whoever may read the XComs of a DAG can see it.",
        "False",
        "0.1.0",
    ),
    "environments": Option(
        "string",
        None,
        "Folder where built Python environments are kept for reuse. Default: "
        "{AIRFLOW_HOME}/lading-environments.",
        "/var/cache/lading",
        "0.1.0",
    ),
    "infra_retries": Option(
        "integer",
        "3",
        "How often a job that the platform lost or preempted is submitted again within one Airflow try.",
        "5",
        "0.1.0",
        maximum=100,
    ),
    "poll_interval_s": Option(
        "float",
        "5.0",
        "Longest pause in seconds between two looks at a running job; the first ones are shorter.",
        "15",
        "0.1.0",
        minimum=0.05,
        maximum=3600,
    ),
    "deferrable": Option(
        "boolean",
        "True",
        "Whether the wait for a job on another platform is left to the triggerer, so that it takes no worker "
        "slot.",
        "False",
        "0.1.0",
    ),
    "cancel_grace_s": Option(
        "float",
        "10.0",
        "Seconds that a cancelled job has between SIGTERM and its end by force.",
        "30",
        "0.1.0",
        maximum=3600,
    ),
    "lineage_budget_s": Option(
        "float",
        "2.0",
        "Longest time in seconds that writing a lineage event may take; a task never waits longer, "
        "nor fails.",
        "5",
        "0.1.0",
        maximum=60,
    ),
}


def variable(option: str) -> str:
    """The environment variable that sets ``option``."""
    return f"AIRFLOW__{SECTION.upper()}__{option.upper()}"


def provider_options() -> dict[str, Any]:
    """The ``config`` section of the provider info."""
    options = {
        name: {
            "description": o.description + "\n",
            "version_added": o.version_added,
            "type": o.type,
            "example": o.example,
            "default": o.default,
        }
        for name, o in OPTIONS.items()
    }
    return {SECTION: {"description": "Where steps run and where their artifacts live.\n", "options": options}}
