"""Write what each backend makes of each resource into ``docs/targets.md``. ``make format`` runs it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.backends import registry
from lading.backends.base import JobRequest, Worker
from lading.config import Target
from lading.resources import GPU, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lading.backends.base import Backend

PAGE = Path(__file__).resolve().parent.parent / "docs" / "targets.md"
_TABLE = re.compile(r"(<!-- resources: [^\n]*-->\n).*(<!-- /resources -->)", re.DOTALL)

FOLDER = "attempts/fraud/manual__2026-11-20T00%3A00%3A00%2B00%3A00/train/-1/1"
JOB = JobRequest(
    name="0123456789abcdef0123456789abcdef01234567",
    dag_id="fraud",
    task_id="train",
    spec_uri=f"s3://acme/lading/{FOLDER}/spec.json",
    store_root="s3://acme/lading",
    folder=FOLDER,
    labels={"dag_id": "fraud", "run_id": "manual__2026-11-20T00:00:00+00:00", "task_id": "train"},
)
_CLUSTER = {
    "files": "/Volumes/main/ml/lading",
    "compute": "classic",
    "spark_version": "16.4.x-cpu-ml-scala2.12",
    "gpu_spark_version": "16.4.x-gpu-ml-scala2.12",
    "node_types": [
        {"node_type": "m5.large", "cpu": 2, "memory": "4GiB"},
        {"node_type": "m5.xlarge", "cpu": 4, "memory": "16GiB"},
        {"node_type": "m5.2xlarge", "cpu": 8, "memory": "32GiB"},
        {"node_type": "g6.xlarge", "cpu": 4, "memory": "16GiB", "gpu": {"type": "l4", "count": 1}},
    ],
}
_NODES = {"node_selector": {"pool": "x"}, "tolerations": [{"key": "x", "operator": "Exists"}]}

#: By backend: keys of a target that can do all that the backend can, and fields of every request there.
BACKENDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "local": ({}, {}),
    "venv": ({}, {"python": "3.12"}),
    "docker": ({"user": "1000:1000"}, {"image": "acme/train:7"}),
    "databricks": (_CLUSTER, {}),
    "kubernetes": ({"user": "1000:1000", "spot": _NODES, "gpus": {"l4": _NODES}}, {"image": "acme/train:7"}),
    "vertex": (
        {"region": "europe-west4", "project": "acme-ml-1234"},
        {
            "image": "acme/train:7",
            "python": "3.12",
            "store_root": "gs://acme/lading",
            "spec_uri": f"gs://acme/lading/{FOLDER}/spec.json",
        },
    ),
}

#: By what a step writes: the fields of its request, each more than any backend gives unasked.
ASKED: dict[str, dict[str, Any]] = {
    "cpu": {"resources": Resources(cpu=2.5)},
    "memory": {"resources": Resources(memory="20GiB")},
    "gpu": {"resources": Resources(gpu=GPU(count=1))},
    "gpu by type": {"resources": Resources(gpu=GPU("l4", 1))},
    "disk": {"resources": Resources(disk="200GiB")},
    "shm": {"resources": Resources(shm="2GiB")},
    "spot": {"resources": Resources(spot=True)},
    "image": {"image": "acme/other:1"},
    "requirements": {"requirements": ("six==1.17.0",)},
    "env": {"env": {"OMP_NUM_THREADS": "2"}},
    "execution_timeout": {"timeout_s": 3600.0},
}

#: What the worker enforces where the platform has no field for it.
KEPT_BY_LADING = {"execution_timeout"}


def backend(name: str) -> Backend:
    keys, _ = BACKENDS[name]
    return registry.get(name).configured(Target(name, name, extra=keys), Worker())


def job(name: str, asked: str | None = None) -> JobRequest:
    """The request of a step on backend ``name`` that asks for what ``ASKED`` says under ``asked``."""
    _, fields = BACKENDS[name]
    return replace(JOB, **{**fields, **(ASKED[asked] if asked else {})})


def rendered(name: str, request: JobRequest) -> Any:
    """As JSON has it, without what changes with each release."""
    text = json.dumps(backend(name).render(request), sort_keys=True)
    text = re.sub(r"lading-runner-[0-9a-f]{20}", "lading-runner-0", text)
    return json.loads(re.sub(r"runners/[0-9a-f]{64}", "runners/0", text))


def cell(name: str, asked: str) -> str:
    """:raises LookupError: the backend takes it and its request stays as it was"""
    request = job(name, asked)
    if backend(name).validate(request):
        return "refused"
    plain, changed = dict(_walk(rendered(name, job(name)))), dict(_walk(rendered(name, request)))
    fields = [_field(path, plain) for path, value in changed.items() if plain.get(path) != value]
    if fields:
        return ", ".join(f"`{field}`" for field in dict.fromkeys(fields))
    if asked in KEPT_BY_LADING:
        return "kept by Lading"
    raise LookupError(
        f"{asked} changes nothing in the request of {name!r}, which does not refuse it either; "
        "ask for more than its default in ASKED, or have the backend honour or refuse it"
    )


def table() -> str:
    names = sorted(BACKENDS, key=list(BACKENDS).index)
    rows = [
        f"| a step asks for | {' | '.join(f'`{name}`' for name in names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for asked in ASKED:
        rows.append(f"| {asked} | {' | '.join(cell(name, asked) for name in names)} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    return _TABLE.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", page)


def _walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, inner in enumerate(value):
            yield from _walk(inner, (*path, f"[{_label(inner, place)}]"))
    else:
        yield path, value


def _label(item: Mapping[str, Any], place: int) -> str:
    """Of an item in a list: by its name where it has one, so that one more does not move the others."""
    return str(item.get("name", place))


def _field(path: tuple[str, ...], plain: Mapping[tuple[str, ...], Any]) -> str:
    """The changed field, or the item of a list that is new with all that is in it."""
    for end, part in enumerate(path, 1):
        if part.startswith("[") and not any(there[:end] == path[:end] for there in plain):
            path = path[:end]
            break
    return ".".join(path).replace(".[", "[")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
