"""Two DAGs for tests of the lineage API: ``report`` reads a model of ``digits``."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

from api_server import bring_up_to_date
from index_databases import put
from lading.lineage.index.rows import uid
from lading.lineage.nodes import ArtifactKey, StepKey
from lading_runner import previews
from lading_runner.contract import ArtifactRef
from lineage_samples import DAG, RUN, event, model, ref, report

if TYPE_CHECKING:
    from lading.lineage.event import LineageEvent

REPORT_RUN = report()[0].task.run_id
PAGE = ref("page", "str", "text", 5120)


def artifact_id(dag_id: str, run_id: str, task_id: str, digest: str, name: str = "return_value") -> str:
    return uid("artifact", ArtifactKey(StepKey(dag_id, run_id, task_id, -1), name, None, digest).id)


MODEL = artifact_id(DAG, RUN, "choose", model(5).digest)
PAGE_ID = artifact_id("report", REPORT_RUN, "publish", PAGE.digest)
OF_DIGITS = {"dag_id": DAG, "run_id": RUN, "task_id": "choose", "artifact_id": MODEL, "rest": "nowhere"}
OF_REPORT = {
    "dag_id": "report", "run_id": REPORT_RUN, "task_id": "publish", "artifact_id": PAGE_ID, "rest": "nowhere",
}  # fmt: skip


def fill(events: list[LineageEvent]) -> None:
    from lading import deployment

    put(deployment.store().objects, events)
    bring_up_to_date()


def kept(dag_id: str, run_id: str) -> dict[str, str]:
    """What a path can hold of a new step, of which the store has everything: bytes, preview, code."""
    from lading import deployment

    store = deployment.store()
    digest, size = store.put_bytes(b"bytes that are kept")
    store.objects.write(previews.key_of(digest, "bytes"), b'{"preview": 1, "kind": "data"}')
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("step.py"), "def keep(): ...\n")  # always the same bytes
    code, _ = store.put_bytes(file.getvalue())
    made = event(
        "keep", at_s=86_000, dag_id=dag_id, run_id=run_id, params={"of": dag_id},
        outputs={"return_value": ArtifactRef(digest, size, "bytes", "bytes")},
        code={"digest": code, "entry": "step:keep"},
    )  # fmt: skip
    made = made.replace(id=made.id[:-12] + dag_id.encode().hex()[:12])
    fill([made])
    found = artifact_id(dag_id, run_id, "keep", digest)
    return {"dag_id": dag_id, "run_id": run_id, "task_id": "keep", "artifact_id": found, "rest": "nowhere"}
