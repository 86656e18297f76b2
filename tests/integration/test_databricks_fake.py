"""The fake workspace is faithful: Airflow's own operator and trigger, and the official SDK, work with it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

import databricks_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakes.databricks import FakeDatabricks

pytestmark = [
    pytest.mark.service("databricks"),
    # the provider itself (7.23) asks Airflow in an old way
    pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),  # and aiohttp
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
]

GREET = b"import sys\nprint('hello', *sys.argv[1:])\n"
FAIL = b"raise LookupError('no such customer')\n"
SLEEP = b"import time\nprint('begun', flush=True)\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeDatabricks]:
    with databricks_workspace.workspace(tmp_path_factory.mktemp("workspace")) as made:
        folder = made.workspace.files.place("/Workspace/Shared")
        for name, code in (("greet", GREET), ("fail", FAIL), ("sleep", SLEEP)):
            (folder / f"{name}.py").write_bytes(code)
        yield made


@pytest.fixture(autouse=True)
def connected(fake: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", fake.connection())


def body(file: str, **more: Any) -> dict[str, Any]:
    python = {"python_file": f"/Workspace/Shared/{file}.py", "parameters": ["ä", "b c"]}
    task = {"task_key": "t", "environment_key": "e", "spark_python_task": python}
    environments = [{"environment_key": "e", "spec": {"environment_version": "4"}}]
    return {"tasks": [task], "environments": environments, "timeout_seconds": 120, **more}


class _Ti:
    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}
        self.stats_tags: dict[str, str] = {}

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        self.pushed[key] = value


class _State(dict[str, Any]):
    def set(self, key: str, value: Any, **_: Any) -> None:
        self[key] = value


def execute(request: dict[str, Any], *, deferrable: bool, **more: Any) -> dict[str, Any]:
    """What the operator pushed; deferred, its trigger crosses a process boundary as JSON."""
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
    from airflow.sdk._shared.module_loading import import_string

    operator = DatabricksSubmitRunOperator(
        task_id="t", json=request, deferrable=deferrable, polling_period_seconds=1, **more
    )
    context: Any = {"ti": _Ti(), "task_state_store": _State()}
    try:
        operator.execute(context)
    except TaskDeferred as e:
        path, given = e.trigger.serialize()
        trigger = import_string(path)(**json.loads(json.dumps(given)))

        async def event() -> Any:
            return await anext(aiter(trigger.run()))

        getattr(operator, str(e.method_name))(context, asyncio.run(event()).payload)
    pushed: dict[str, Any] = context["ti"].pushed
    return pushed


@pytest.mark.parametrize("deferrable", [False, True])
def test_airflows_operator_runs_a_file_and_hears_of_its_failure(
    fake: FakeDatabricks, deferrable: bool
) -> None:
    pushed = execute(body("greet"), deferrable=deferrable)
    run = fake.workspace.runs[int(pushed["run_id"])]
    assert run.output["logs"] == "hello ä b c\n"
    with pytest.raises(Exception, match="no such customer"):
        execute(body("fail"), deferrable=deferrable)


def test_airflows_operator_is_refused_what_the_schema_does_not_have(fake: FakeDatabricks) -> None:
    before = len(fake.workspace.runs)
    for wrong in ({"tagz": 1}, {"timeout_seconds": "soon"}, {"tasks": [{"task_kye": "t"}]}):
        with pytest.raises(Exception, match="Could not parse request object"):
            execute(body("greet", **wrong), deferrable=False)
    assert len(fake.workspace.runs) == before


def submit(client: Any, file: str, token: str) -> Any:
    """By the official SDK."""
    from databricks.sdk.service import compute, jobs

    python = jobs.SparkPythonTask(f"/Workspace/Shared/{file}.py", ["x"])
    return client.jobs.submit(
        tasks=[jobs.SubmitTask("t", environment_key="e", spark_python_task=python)],
        environments=[jobs.JobEnvironment("e", compute.Environment(environment_version="4"))],
        idempotency_token=token,
        run_name=f"sdk {token}",
    )


def test_the_official_sdk_submits_finds_reads_and_cancels(fake: FakeDatabricks) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service import jobs

    client = WorkspaceClient(host=fake.url, token="dapi-of-the-worker")
    first, again = submit(client, "greet", "one"), submit(client, "greet", "one")
    assert first.run_id == again.run_id
    ended = first.result()
    assert ended.status.termination_details.code is jobs.TerminationCodeCode.SUCCESS
    assert client.jobs.get_run_output(ended.tasks[0].run_id).logs == "hello x\n"
    slow = submit(client, "sleep", "two")
    assert fake.workspace.runs[slow.run_id].printed.wait(30)
    client.jobs.cancel_run(slow.run_id)
    assert slow.result().state.result_state is jobs.RunResultState.CANCELED
    assert [run.run_name for run in client.jobs.list_runs(run_type=jobs.RunType.SUBMIT_RUN)][:2] == [
        "sdk two",
        "sdk one",
    ]


def test_the_official_sdk_deletes_a_run_once_it_has_ended(fake: FakeDatabricks) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import BadRequest, NotFound

    client = WorkspaceClient(host=fake.url, token="dapi-of-the-worker")
    slow = submit(client, "sleep", "to be deleted")
    assert fake.workspace.runs[slow.run_id].printed.wait(30)
    with pytest.raises(BadRequest, match="is active"):
        client.jobs.delete_run(slow.run_id)
    assert client.jobs.get_run(slow.run_id).run_id == slow.run_id
    client.jobs.cancel_run(slow.run_id)
    slow.result()
    client.jobs.delete_run(slow.run_id)
    with pytest.raises(NotFound):
        client.jobs.get_run(slow.run_id)


def test_the_official_sdk_writes_files_into_a_volume_and_the_workspace(fake: FakeDatabricks) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import AlreadyExists, NotFound
    from databricks.sdk.service.workspace import ExportFormat, ImportFormat

    client = WorkspaceClient(host=fake.url, token="dapi-of-the-worker")
    volume = "/Volumes/main/ml/lading/some folder/ä.py"
    client.files.create_directory("/Volumes/main/ml/lading/some folder")
    client.files.upload(volume, io.BytesIO(GREET))
    assert client.files.download(volume).contents.read() == GREET
    with pytest.raises(AlreadyExists):
        client.files.upload(volume, io.BytesIO(FAIL))
    client.files.delete(volume)
    with pytest.raises(NotFound):
        client.files.download(volume)
    text = base64.b64encode(GREET).decode()
    client.workspace.import_("/Shared/up.py", content=text, format=ImportFormat.AUTO)
    assert client.workspace.export("/Shared/up.py", format=ExportFormat.AUTO).content == text


def test_a_wrong_token_is_refused_to_the_official_sdk(fake: FakeDatabricks) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import PermissionDenied

    with pytest.raises(PermissionDenied, match="Invalid access token"):
        WorkspaceClient(host=fake.url, token="dapi-of-nobody").jobs.get_run(1000)
