"""Steps in real DAG runs: everything of TaskFlow, retries, clears, failures and what lineage says of them."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from airflow.sdk import DAG, Asset, task
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import BaseModel

from lading import Resources, StepOperator, deployment, log_metrics, step
from lading.errors import ConfigError, UnknownTarget, UnsupportedResource
from lading.lineage import log
from lading_testkit import run_dag, task_states

if TYPE_CHECKING:
    from lading.lineage.event import LineageEvent

pytestmark = pytest.mark.usefixtures("airflow_db")


def events(dag_id: str) -> list[LineageEvent]:
    return sorted(log.read(deployment.store().objects, dag_id=dag_id), key=lambda e: e.id)


def event(dag_id: str, task_id: str) -> LineageEvent:
    (found,) = [e for e in events(dag_id) if e.task.task_id == task_id]
    return found


def double(number: int) -> int:
    return 2 * number


def test_override_partial_and_multiple_outputs_work_as_with_task() -> None:
    with DAG("taskflow", schedule=None) as dag:

        @step(multiple_outputs=True)
        def parts() -> dict[str, Any]:
            return {"left": np.arange(3), "right": 4}

        @step
        def add(a: Any, b: int = 1, *, c: int = 0) -> int:
            return int(np.sum(a)) + b + c

        @task
        def check(total: int, mapped: list[int]) -> None:
            assert total == 3 + 4 + 10
            assert list(mapped) == [2, 3, 4]

        p = parts()
        total = add.override(task_id="other")(p["left"], b=p["right"], c=10)
        mapped = add.partial(b=1).expand(a=[1, 2, 3])
        check(total, mapped)
    assert set(task_states(run_dag(dag)).values()) == {"success"}
    inputs = {i.param: i.producer.key for i in event("taskflow", "other").inputs}
    assert inputs == {"a": "left", "b": "right"}


def test_what_several_outputs_hold_is_stored_once() -> None:
    """Some values have other bytes when they are serialized again, as figures whose layout moves."""

    with DAG("several_outputs", schedule=None) as dag:

        @step(multiple_outputs=True)
        def draw() -> dict[str, Any]:
            from matplotlib.figure import Figure

            class Moving(Figure):
                drawn = 0

                def draw(self, renderer: Any) -> None:
                    self.drawn += 1
                    self.suptitle(f"drawn {self.drawn} times")
                    super().draw(renderer)

            return {"figure": Moving((3, 3)), "small": {"a": 1}}

        @step
        def look(figure: Any, small: Any) -> int:
            return len(figure) + small["a"]

        drawn = draw()
        look(drawn["figure"], drawn["small"])
    assert set(task_states(run_dag(dag)).values()) == {"success"}
    written = {o.name: o.artifact.digest for o in event("several_outputs", "draw").outputs}
    read = {str(i.param): i.artifact.digest for i in event("several_outputs", "look").inputs}
    assert read == {name: written[name] for name in ("figure", "small")}


@pytest.mark.parametrize("reader", ["step", "task"])
def test_several_outputs_that_are_read_as_a_whole_are_read_as_what_was_made(reader: str) -> None:
    """However small they are: else the lineage of their reader ends there."""
    with DAG(f"read_whole_{reader}", schedule=None) as dag:

        @step
        def package() -> dict[str, Any]:
            return {"kernel": "rbf", "support": [1, 2]}

        def count(bundle: dict[str, Any]) -> int:
            return len(bundle["support"])

        (step if reader == "step" else task)(count)(package())

    assert task_states(run_dag(dag)) == {"package": "success", "count": "success"}
    made = {o.name: o.artifact.digest for o in event(dag.dag_id, "package").outputs}
    (read,) = event(dag.dag_id, "count").inputs
    assert (read.param, read.artifact.digest) == ("bundle", made["return_value"])


def test_a_classic_operator_runs_a_function_by_its_name() -> None:
    with DAG("classic", schedule=None) as dag:
        first = StepOperator(task_id="first", python_callable="json:loads", inputs={"s": "[1, 2]"})
        StepOperator(task_id="second", python_callable=sum_of, inputs={"numbers": first.output})
        StepOperator.partial(task_id="mapped", python_callable=double).expand(
            inputs=[{"number": 1}, {"number": 2}]
        )
    run = run_dag(dag)
    assert set(task_states(run).values()) == {"success"}
    assert [i.param for i in event("classic", "second").inputs] == ["numbers"]


def sum_of(numbers: list[int]) -> int:
    assert numbers == [1, 2]
    return sum(numbers)


def test_a_skip_is_recorded_as_skipped() -> None:
    with DAG("skipping", schedule=None) as dag:

        @step
        def maybe() -> int:
            raise AirflowSkipException("not today")

        maybe()
    assert task_states(run_dag(dag)) == {"maybe": "skipped"}
    assert event("skipping", "maybe").status == "skipped"


def test_a_retry_keeps_the_history_of_the_failed_attempt(tmp_path: Path) -> None:
    marker = str(tmp_path / "tried")
    with DAG("retrying", schedule=None) as dag:

        @step(retries=1, retry_delay=0.1)
        def flaky(marker: str) -> str:
            if not Path(marker).exists():
                Path(marker).touch()
                raise ValueError("the first time fails")
            return "second"

        flaky(marker)
    assert task_states(run_dag(dag)) == {"flaky": "success"}
    history = [(e.status, e.task.generation, e.task.try_number) for e in events("retrying")]
    assert history == [("failed", 1, 1), ("succeeded", 2, 2)]
    assert events("retrying")[0].error == {
        "type": "ValueError",
        "message": "the first time fails",
        "class": "user",
    }


def test_a_failing_step_shows_the_users_frames_and_none_of_ours() -> None:
    seen: list[BaseException] = []
    with DAG("frames", schedule=None) as dag:

        @step(on_failure_callback=lambda context: seen.append(context["exception"]))
        def fail() -> None:
            raise ZeroDivisionError("by the user")

        fail()
    run_dag(dag)
    (error,) = seen
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    assert type(error) is ZeroDivisionError
    assert files[-1] == __file__
    assert [name for name in files if "/lading/" in name or "/lading_runner/" in name] == []
    assert error.__context__ is None


def test_the_inputs_of_a_failed_step_are_recorded() -> None:
    with DAG("failing", schedule=None) as dag:

        @task
        def number() -> int:
            return 7

        @step
        def fail(n: int) -> None:
            raise RuntimeError(f"no good: {n}")

        @task
        def plain(n: int) -> None:
            raise RuntimeError("neither")

        n = number()
        fail(n)
        plain(n)
    run_dag(dag)
    for name in ("fail", "plain"):
        found = event("failing", name)
        assert (found.status, [i.param for i in found.inputs]) == ("failed", ["n"])


def test_metrics_params_and_code_are_in_the_event() -> None:
    with DAG("facts", schedule=None) as dag:

        @step
        def measure(trees: int = 200, *, depth: int) -> float:
            log_metrics({"accuracy": 0.5}, higher_is_better={"accuracy": True})
            return 0.5

        measure(depth=3)
    run_dag(dag)
    found = event("facts", "measure")
    assert found.metrics == {"accuracy": 0.5}
    assert found.metrics_higher_is_better == {"accuracy": True}
    assert found.params == {"depth": 3, "trees": 200} or found.params == {"depth": 3}
    assert found.code["digest"].startswith("sha256:")
    assert found.operator == "@task.step"
    assert found.target == "local"


def test_asset_outlets_get_the_digest_of_the_artifact() -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with DAG("outlets", schedule=None) as dag:

        @step(outlets=[Asset("model")])
        def train() -> Any:
            return np.arange(5)

        train()
    run_dag(dag)
    with create_session() as session:
        extras = [
            e.extra for e in session.scalars(select(AssetEvent).where(AssetEvent.source_dag_id == "outlets"))
        ]
    found = event("outlets", "train")
    assert [e["lading_digest"] for e in extras] == [found.outputs[0].artifact.digest]
    assert [e["lading_event"] for e in extras] == [found.id]


def test_an_unknown_target_is_refused_when_the_dag_is_parsed() -> None:
    with DAG("unknown", schedule=None):

        @step(on="vnev")
        def lost() -> None: ...

        with pytest.raises(UnknownTarget, match="did you mean 'venv'"):
            lost()


def test_a_resource_that_the_backend_cannot_honour_is_refused_when_the_dag_is_parsed() -> None:
    with DAG("resources", schedule=None):

        @step(resources=Resources(memory="4GiB"))
        def big() -> None: ...

        with pytest.raises(UnsupportedResource, match=r"big.*local.*memory"):
            big()
        with pytest.raises(ConfigError, match="unknown resource 'memroy'; known: cpu, memory"):
            step(resources={"memroy": "4GiB"})(double)(1)  # type: ignore[operator]


def test_an_unserializable_value_names_its_place_and_the_cure() -> None:
    with DAG("unserializable", schedule=None) as dag:

        @step
        def make() -> Any:
            return {"a": [lambda: 3]}

        make()
    assert task_states(run_dag(dag)) == {"make": "failed"}
    message = event("unserializable", "make").error["message"]  # type: ignore[index]
    assert "a" in message
    assert "allow_pickle" in message


def test_a_damaged_artifact_fails_the_consumer_naming_the_producer(tmp_path: Path) -> None:
    with DAG("damaged", schedule=None) as dag:

        @step
        def make() -> Any:
            return np.arange(1000)

        @task
        def damage(ti: Any = None) -> None:
            digest = ti.xcom_pull(task_ids="make", key="return_value")
            assert len(digest) == 1000
            root = Path(deployment.store().objects.root.removeprefix("file://"))
            found = event("damaged", "make").outputs[0].artifact.digest.removeprefix("sha256:")
            blob = root / "blobs" / "sha256" / found[:2] / found
            raw = bytearray(blob.read_bytes())
            raw[-1] ^= 1
            blob.chmod(0o644)
            blob.write_bytes(raw)

        @step
        def use(array: Any) -> int:
            return int(array.sum())

        made = make()
        damaged = damage()
        made >> damaged >> use(made)
    assert task_states(run_dag(dag))["use"] == "failed"
    error = event("damaged", "use").error
    assert error is not None
    assert error["type"].endswith("ArtifactCorrupt")
    assert "damaged" in error["message"]
    assert "make" in error["message"]


@dataclass
class Settings:
    depth: int
    name: str = "small"


class Model(BaseModel):
    trees: int


@pytest.mark.parametrize("target", ["local", "venv"])
def test_dataclasses_and_models_come_back_as_the_class_of_the_parameter(target: str) -> None:
    requirements = ["pydantic"] if target == "venv" else None
    with DAG(f"classes_{target}", schedule=None) as dag:

        @step
        def make() -> Any:
            return Settings(depth=3)

        @step
        def model() -> Any:
            return Model(trees=5)

        @step(on=target, requirements=requirements)
        def use(settings: Settings, model: Model) -> list[Any]:
            return [settings.depth, settings.name, model.trees]

        @task
        def check(found: list[Any]) -> None:
            assert found == [3, "small", 5]

        check(use(make(), model()))
    assert set(task_states(run_dag(dag)).values()) == {"success"}


def test_steps_and_tasks_survive_a_store_of_old_xcoms() -> None:
    """Rows that are not ours pass through."""
    from lading.xcom import LadingXComBackend

    class Row:
        value = json.dumps({"from": "before"})

    assert LadingXComBackend.deserialize_value(Row()) == Row.value


def test_a_mapped_step_is_checked_while_the_dag_is_parsed() -> None:
    with DAG("mapped_wrong", schedule=None):

        @step(on="local", resources=Resources(cpu=2))
        def much(number: int) -> int:
            return number

        with pytest.raises(UnsupportedResource, match=r"'much' asks for resources\.cpu=2"):
            much.expand(number=[1, 2])
        with pytest.raises(UnsupportedResource, match=r"'much' asks for resources\.cpu=2"):
            much.expand_kwargs([{"number": 1}])
        with pytest.raises(UnknownTarget, match="'lcoal' is neither a target nor a backend"):
            StepOperator.partial(task_id="classic", python_callable=double, on="lcoal").expand(
                inputs=[{"number": 1}]
            )
