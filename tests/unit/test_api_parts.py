"""Parts of the API that need no server: the shape of a DAG, tracebacks, cursors."""

from __future__ import annotations

import base64

import pytest

from lading.plugin.api.cursors import decode, encode
from lading.plugin.api.problems import ProblemError
from lading.plugin.api.structure import label, structure_of
from lading.plugin.api.tracebacks import parse

TRACEBACK = """Traceback (most recent call last):
  File "/dags/first.py", line 3, in cause
    1 / 0
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/dags/churn.py", line 12, in train
    fit(rows)
    ~~~^^^^^^
  File "<string>", line 40, in fit
ValueError: File "/x", line 9, in y
"""


def _task(task_id: str, *downstream: str, **more: object) -> dict[str, object]:
    return {"__var": {"task_id": task_id, "downstream_task_ids": list(downstream), **more}}


def test_the_shape_of_a_dag_has_groups_order_and_dependencies() -> None:
    inner = {"children": {"prep.deep.b": ["operator", "prep.deep.b"]}, "is_mapped": True}
    group = {"children": {"prep.a": ["operator", "prep.a"], "prep.deep": ["taskgroup", inner]}}
    root = {"children": {"end": ["operator", "end"], "prep": ["taskgroup", group]}}
    tasks = [
        _task("end"),
        _task("prep.deep.b", "end", _operator_name="@task.step"),
        _task("prep.a", "prep.deep.b"),
    ]
    found = structure_of({"dag": {"task_group": root, "tasks": tasks}})
    assert list(found.tasks) == ["prep.a", "prep.deep.b", "end"]
    assert found.groups == {"prep": None, "prep.deep": "prep"}
    assert [(t.group, t.mapped) for t in found.tasks.values()] == [
        ("prep", False), ("prep.deep", True), (None, False),
    ]  # fmt: skip
    assert set(found.dependencies) == {("prep.a", "prep.deep.b"), ("prep.deep.b", "end")}
    assert label("prep.deep.b", "prep.deep") == "b"


@pytest.mark.parametrize(
    "data", [None, [], {}, {"dag": None}, {"dag": {"tasks": [1, {"task_id": 2}], "task_group": []}}]
)
def test_what_is_no_dag_has_no_shape(data: object) -> None:
    assert structure_of(data).tasks == {}


def test_frames_are_those_of_the_last_exception() -> None:
    frames = [(f.file, f.line, f.function, f.text) for f in parse(TRACEBACK)]
    assert frames == [("/dags/churn.py", 12, "train", "fit(rows)"), ("<string>", 40, "fit", "")]


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("/dags/churn.py", False),
        ("/srv/lib/models.py", False),
        ("/venv/lib/python3.12/site-packages/sklearn/base.py", True),
        ("/usr/lib/python3/dist-packages/numpy/core.py", True),
        ("/usr/local/lib/python3.12/json/decoder.py", True),
        ("<frozen importlib._bootstrap>", True),
    ],
)
def test_frames_of_libraries_are_told_apart(file: str, library: bool) -> None:
    text = f'Traceback (most recent call last):\n  File "{file}", line 3, in f\n    g()\nValueError: no\n'
    assert [frame.library for frame in parse(text)] == [library]


def test_a_cursor_comes_back_as_it_was() -> None:
    assert decode(encode(5, "run é"), int, str) == (5, "run é")
    assert decode(None, int) is None


@pytest.mark.parametrize("parts", [(-1,), (2**63,), ("5",), (True,), (None,), (5, 5), ()])
def test_a_cursor_of_another_kind_is_refused(parts: tuple[object, ...]) -> None:
    with pytest.raises(ProblemError, match="cursor is damaged"):
        decode(encode(*parts), int)


@pytest.mark.parametrize("cursor", ["x", "AAAA", base64.urlsafe_b64encode(b"[" * 99_999).decode()])
def test_a_cursor_that_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ProblemError, match="cursor is damaged"):
        decode(cursor, int)
