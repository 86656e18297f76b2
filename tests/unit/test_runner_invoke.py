"""One call of a step in this process: the result says what happened, whatever happens."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lading_runner import values
from lading_runner.api import log_external_input, log_external_output, log_metrics
from lading_runner.contract import Attempt, Spec
from lading_runner.errors import ArtifactMissing, StoreUnavailable
from lading_runner.interrupts import Interrupted
from lading_runner.invoke import Outcome, execute
from lading_runner.masks import Masker
from lading_runner.profile import packages
from lading_runner.store import ArtifactStore, open_object_store


def call(tmp_path: Path, function: Any, *args: Any, **settings: Any) -> Outcome:
    store = ArtifactStore(open_object_store(str(tmp_path)))
    spec = Spec(Attempt("d", "r", "t"), {"digest": None, "entry": "m:f"}, store.root, "attempts/d/r/t/-1/1")
    return execute(spec, store, function=function, args=args, **settings)


def value_of(tmp_path: Path, outcome: Outcome) -> Any:
    return values.load(
        outcome.result.outputs["return_value"], ArtifactStore(open_object_store(str(tmp_path)))
    )


def test_the_value_is_live_and_stored(tmp_path: Path) -> None:
    outcome = call(tmp_path, lambda x: {"x": x}, 5)
    assert (outcome.value, outcome.exception, outcome.traceback) == ({"x": 5}, None, None)
    assert value_of(tmp_path, outcome) == {"x": 5}
    assert (outcome.result.status, outcome.result.error) == ("succeeded", None)
    assert outcome.result.environment["python"] == ".".join(map(str, sys.version_info[:3]))


def test_none_is_no_output(tmp_path: Path) -> None:
    assert call(tmp_path, lambda: None).result.outputs == {}


def test_a_generator_gives_a_list_and_a_coroutine_its_result(tmp_path: Path) -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return "done"

    assert value_of(tmp_path, call(tmp_path, lambda: (n * n for n in range(3)))) == [0, 1, 4]
    assert value_of(tmp_path, call(tmp_path, later)) == "done"


def failing(error: BaseException) -> Any:
    def step() -> None:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "status", "failure", "message"),
    [
        (ValueError("no trees"), "failed", "user", "no trees"),
        (SystemExit(0), "failed", "user", "sys.exit(0), expected it to return a value"),
        (SystemExit(None), "failed", "user", "sys.exit(None)"),
        (KeyboardInterrupt(), "cancelled", "cancelled", ""),
        (Interrupted("killed", "cancelled"), "cancelled", "cancelled", "killed"),
        (Interrupted("late", "timeout"), "failed", "timeout", "late"),
        (MemoryError(), "failed", "oom", ""),
        (ArtifactMissing("gone"), "failed", ArtifactMissing.failure, "gone"),
        (StoreUnavailable("down"), "failed", "infra", "down"),
    ],
)
def test_every_failure_has_its_class(
    tmp_path: Path, error: BaseException, status: str, failure: str, message: str
) -> None:
    outcome = call(tmp_path, failing(error))
    assert outcome.exception is error
    assert outcome.result.error is not None
    assert (outcome.result.status, outcome.result.error["class"]) == (status, failure)
    assert message in outcome.result.error["message"]


def test_a_value_that_nothing_stores_fails_the_step(tmp_path: Path) -> None:
    outcome = call(tmp_path, object)
    assert outcome.result.error is not None
    assert (outcome.result.error["class"], outcome.result.error["traceback"]) == ("user", "")
    assert "object" in outcome.result.error["message"]
    assert outcome.result.outputs == {}


def test_tracebacks_begin_at_the_user(tmp_path: Path) -> None:
    outcome = call(tmp_path, failing(ValueError("no trees")))
    assert outcome.result.error is not None
    assert outcome.traceback is not None
    assert outcome.traceback.tb_frame.f_code.co_name == "step"
    text = outcome.result.error["traceback"]
    assert text.count('File "') == 1
    assert f'File "{__file__}"' in text
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: no trees\n")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_an_exception_that_cannot_be_shown_is_a_failure_like_others(tmp_path: Path) -> None:
    outcome = call(tmp_path, failing(Unprintable()))
    assert outcome.result.error is not None
    assert outcome.result.error["class"] == "user"
    assert "cannot be shown" in outcome.result.error["message"]


def test_every_text_of_a_result_is_masked(tmp_path: Path) -> None:
    def step() -> None:
        log_metrics({"hunter2": 1})
        log_external_output("s3://bucket/hunter2")
        try:
            raise KeyError("hunter2")
        except KeyError as e:
            raise ValueError("not hunter2") from e

    outcome = call(tmp_path, step, masker=Masker(["hunter2"]))
    assert b"hunter2" not in outcome.result.dumps()
    assert outcome.result.dumps().count(b"***") >= 4


def test_what_a_step_logs_is_in_its_result(tmp_path: Path) -> None:
    def step() -> None:
        log_metrics({"loss": float("nan"), "gap": float("nan"), "best": float("-inf"), "rounds": 3})
        for epoch, loss in [(1, 0.5), (3, 0.1), (2, 0.3)]:
            log_metrics({"loss": loss}, step=epoch, higher_is_better={"loss": False})
        log_external_input("s3://user:secret@raw/rows.csv", version="3")

    result = call(tmp_path, step).result
    assert result.metrics == {"loss": 0.1, "gap": "NaN", "best": "-Infinity", "rounds": 3}
    assert result.metrics_higher_is_better == {"loss": False}
    assert result.external == {"inputs": [{"uri": "s3://raw/rows.csv", "version": "3"}], "outputs": []}
    json.loads(result.dumps())


def test_logging_outside_of_a_step_checks_and_does_nothing(tmp_path: Path) -> None:
    log_metrics({"accuracy": 1})
    log_external_input("s3://raw/rows.csv")
    assert call(tmp_path, lambda: None).result.metrics == {}
    with pytest.raises(TypeError, match=r"metric 'a' is '1', expected a number"):
        log_metrics({"a": "1"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="metric name 1 is int"):
        log_metrics({1: 1})  # type: ignore[dict-item]


def test_metrics_of_numpy_are_plain_numbers(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")

    def step() -> None:
        log_metrics({"f": numpy.float32(0.5), "i": numpy.int64(3), "array": numpy.array([2.0])})

    assert call(tmp_path, step).result.metrics == {"f": 0.5, "i": 3, "array": 2.0}


def test_packages_are_found_by_their_folders(tmp_path: Path) -> None:
    for name in ("Scikit_Learn-1.7.2.dist-info", "zope.interface-7.0.dist-info", "x.egg-info"):
        (tmp_path / name).mkdir()
    assert packages((str(tmp_path), str(tmp_path / "absent"))) == [
        "scikit-learn==1.7.2",
        "zope-interface==7.0",
    ]


def test_of_a_package_in_two_folders_the_first_counts(tmp_path: Path) -> None:
    for name in ("a/NumPy-2.0.dist-info", "b/numpy-1.0.dist-info", "b/idna-3.1.dist-info"):
        (tmp_path / name).mkdir(parents=True)
    assert packages((f"{tmp_path}/a", f"{tmp_path}/b")) == ["idna==3.1", "numpy==2.0"]
    assert packages((f"{tmp_path}/b", f"{tmp_path}/a")) == ["idna==3.1", "numpy==1.0"]


def test_running_a_step_in_place_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'torch', 'sklearn', 'asyncio', 'traceback', 'obstore', 'airflow'}"
    code = (
        "import sys, lading_runner.invoke as i; from lading_runner.contract import *;"
        "from lading_runner.store import *; import tempfile;"
        "s = ArtifactStore(open_object_store(tempfile.mkdtemp()));"
        "r = i.execute(Spec(Attempt('d','r','t'), {}, s.root, 'a'), s, function=lambda: 1).result;"
        f"assert r.status == 'succeeded', r; print(sorted({heavy} & set(sys.modules)))"
    )
    source = str(Path(__file__).parents[2] / "provider" / "src")
    argv = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
