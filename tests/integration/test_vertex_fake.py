"""The fake Vertex AI as Google's own clients and Airflow's own operators, none of them changed, find it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import vertex_project
from lading.backends.vertex import launch, machines, request
from supervised import until

if TYPE_CHECKING:
    from vertex_project import Project

pytestmark = pytest.mark.service("vertex")
WHERE = {"project_id": "proj-1234", "region": "us-central1"}
PARENT = "projects/proj-1234/locations/us-central1"
GOLDEN = Path(__file__).parents[1] / "golden" / "vertex"


def custom_job(code: str, **changes: Any) -> dict[str, Any]:
    container = {"image_uri": vertex_project.IMAGE, "command": ["python3", "-c", code]}
    container["env"] = [{"name": "A", "value": "1"}]
    machine = {"machine_type": "g2-standard-8", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}
    pool = {"machine_spec": machine, "replica_count": 1, "container_spec": container}
    made: dict[str, Any] = {"display_name": "a step", "labels": {"lading_job": "x"}}
    return made | {"job_spec": {"worker_pool_specs": [pool]}} | changes


class _Instance:
    """As much of a task instance as an operator's links ask for."""

    stats_tags: dict[str, str] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        self.pushed[key] = value


def operated(job: dict[str, Any], *, deferrable: bool) -> Any:
    """What Airflow's operator returns, its trigger sent through JSON."""
    from airflow.providers.google.cloud.operators.vertex_ai.custom_job import CreateCustomJobOperator
    from airflow.sdk._shared.module_loading import import_string
    from airflow.sdk.exceptions import TaskDeferred

    operator = CreateCustomJobOperator(
        task_id="t", custom_job=job, deferrable=deferrable, poll_interval=0.2, **WHERE
    )
    context = {"ti": _Instance(), "task_instance": _Instance(), "task": operator}
    try:
        return operator.execute(context)
    except TaskDeferred as e:
        path, kwargs = e.trigger.serialize()
        name = e.method_name
    made = import_string(path)(**json.loads(json.dumps(kwargs)))

    async def events() -> list[Any]:
        return [event.payload async for event in made.run()]

    (event,) = asyncio.run(events())
    return getattr(operator, name)(context, event)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])
def test_airflows_own_operator_runs_a_job(project: Project, deferrable: bool) -> None:
    before = len(project.vertex.jobs)
    code = "import os; print('hi', os.environ['A'], os.environ['CLOUD_ML_JOB_ID'])"
    found = operated(custom_job(code), deferrable=deferrable)
    assert found["state"] == 4  # succeeded
    *_, job = project.vertex.jobs.values()
    assert len(project.vertex.jobs) == before + 1
    assert job.lines == [f"hi 1 {job.message.name.rpartition('/')[2]}"]
    with pytest.raises(Exception, match="non-zero status of 3"):
        operated(custom_job("raise SystemExit(3)"), deferrable=deferrable)


def client() -> Any:
    from airflow.providers.google.cloud.hooks.vertex_ai.custom_job import CustomJobHook

    return CustomJobHook().get_job_service_client("us-central1")


def test_googles_own_client_creates_finds_cancels_and_deletes(project: Project) -> None:
    from google.api_core import exceptions

    jobs = client()
    made = [
        jobs.create_custom_job(
            parent=PARENT,
            custom_job=custom_job("import time; time.sleep(60)", labels={"batch": "one", "n": str(n)}),
        )
        for n in range(5)
    ]
    found = list(jobs.list_custom_jobs(request={"parent": PARENT, "filter": 'labels.batch="one"'}))
    assert [job.labels["n"] for job in found] == ["0", "1", "2", "3", "4"]  # over pages
    with pytest.raises(exceptions.FailedPrecondition):
        jobs.delete_custom_job(name=made[0].name)
    for job in made:
        jobs.cancel_custom_job(name=job.name)
    until(lambda: {project.vertex.jobs[j.name].state for j in made} == {"CANCELLED"}, "they go on")
    ended = jobs.get_custom_job(name=made[0].name)
    assert (ended.error.code, bool(ended.end_time)) == (1, True)
    with pytest.raises(exceptions.FailedPrecondition):
        jobs.cancel_custom_job(name=made[0].name)
    jobs.delete_custom_job(name=made[0].name).result(timeout=10)
    with pytest.raises(exceptions.NotFound):
        jobs.get_custom_job(name=made[0].name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"display_name": ""}, "Required field custom_job.display_name"),
        ({"job_spec": {}}, "Required field custom_job.job_spec"),
        ({"labels": {"Upper": "x"}}, "Invalid label"),
        ({"labels": {"team": "ä ö"}}, "Invalid label"),
    ],
)
def test_what_the_service_does_not_take_is_refused(
    project: Project, changes: dict[str, Any], message: str
) -> None:
    from google.api_core import exceptions

    with pytest.raises(exceptions.InvalidArgument, match=message):
        client().create_custom_job(parent=PARENT, custom_job=custom_job("pass", **changes))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("machine_type", "n1-standard-5", 'Machine type "n1-standard-5" is not supported'),
        ("accelerator_type", "NVIDIA_TESLA_T4", "not supported with machine type"),
        ("accelerator_count", 3, "not supported with machine type"),
    ],
)
def test_a_machine_that_is_not_there_is_refused(
    project: Project, field: str, value: Any, message: str
) -> None:
    from google.api_core import exceptions

    job = custom_job("pass")
    job["job_spec"]["worker_pool_specs"][0]["machine_spec"][field] = value
    with pytest.raises(exceptions.InvalidArgument, match=message):
        client().create_custom_job(parent=PARENT, custom_job=job)


def test_a_field_that_is_not_published_is_refused_on_the_wire(project: Project) -> None:
    from google.api_core import exceptions
    from google.cloud.aiplatform_v1 import CreateCustomJobRequest, CustomJob

    job = CustomJob(custom_job("pass"))
    CustomJob.pb(job).MergeFromString(b"\xfa\x3f\x01x")  # field 1023
    given = CreateCustomJobRequest(parent=PARENT, custom_job=job)
    with pytest.raises(exceptions.InvalidArgument, match="Unknown field number 1023"):
        client().create_custom_job(request=given)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_request_fits_the_published_types_and_is_taken(project: Project, path: Path) -> None:
    from fakes.vertex_schema import refusals

    body = json.loads(path.read_text())
    made = request.checked(body["customJob"])
    back = type(made).to_dict(made)
    assert back["display_name"] == body["customJob"]["displayName"]
    refused = list(refusals(type(made).pb(made)))
    unknown = ['Machine type "c4-standard-96" is not supported.'] if path.stem == "named-machine" else []
    assert refused == unknown


def test_a_misspelt_field_does_not_fit_the_published_types(project: Project) -> None:
    from google.protobuf.json_format import ParseError

    body = json.loads((GOLDEN / "plain.json").read_text())["customJob"]
    body["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]["acceleratorKind"] = "x"
    with pytest.raises(ParseError, match="acceleratorKind"):
        request.checked(body)


def test_every_machine_of_the_table_is_one_of_the_service(project: Project) -> None:
    from google.cloud.aiplatform_v1 import AcceleratorType

    from fakes.vertex_schema import _machine

    table = machines.table()
    assert {AcceleratorType[name].name for name in table["accelerators"].values()}
    for machine in machines.machines().values():
        for gpu, counts in machine.gpus.items():
            for count in counts:
                assert list(_machine(machine.name, table["accelerators"][gpu], count)) == []
        if not machine.built_in:
            assert list(_machine(machine.name, "ACCELERATOR_TYPE_UNSPECIFIED", 0)) == []


def test_nothing_but_the_fake_can_be_reached(project: Project) -> None:
    from airflow.providers.google.cloud.hooks.vertex_ai.custom_job import CustomJobHook
    from google.api_core import exceptions

    elsewhere = CustomJobHook().get_job_service_client("europe-west4")
    with pytest.raises((exceptions.ServiceUnavailable, exceptions.DeadlineExceeded)):
        elsewhere.get_custom_job(
            request={"name": "projects/p/locations/europe-west4/customJobs/1"}, retry=None, timeout=5
        )


def test_the_program_of_a_job_is_as_old_as_the_oldest_python() -> None:
    """It runs before anything could say which Python is too old."""
    import ast

    ast.parse(Path(launch.__file__).read_text(), feature_version=(3, 9))
    assert not re.search(
        r"^\s*(import|from) (?!os|shutil|subprocess|sys|tempfile|__future__)", request._program(), re.M
    )
