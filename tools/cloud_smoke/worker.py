"""A worker to be killed, as a process of its own: ``python -m tools.cloud_smoke.worker JSON``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tools.cloud_smoke import places, steps
from tools.cloud_smoke.desk import Desk, Pace


def main(given: dict[str, Any]) -> None:
    desk = Desk(
        places.place(given["target"]),
        "adopt after kill",
        given["run"],
        Path(given["folder"]),
        Pace(**given["pace"]),
        given["limit_s"],
        print,
    )
    desk.trial(steps.wait, seconds=desk.pace.step_s).run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
