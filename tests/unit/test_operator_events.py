"""What a step's lineage event says of the step itself."""

from __future__ import annotations

import json

from lading import GPU, Resources
from lading.operators.events import requested


def test_what_a_step_asked_for_is_json_as_it_was_written() -> None:
    asked = requested(Resources(cpu=0.5, memory="4GiB", gpu=GPU("l4", 2), spot=True))
    assert asked == {"cpu": 0.5, "memory": "4GiB", "gpu": {"type": "l4", "count": 2}, "spot": True}
    assert json.loads(json.dumps(asked)) == asked


def test_a_step_that_asked_for_nothing_says_nothing() -> None:
    assert requested(Resources()) is None
