"""What a job that succeeded left: where artifacts lie, whole, or it is no success."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lading.backends.base import FailureClass
from lading.execution.verdict import Action, failed

if TYPE_CHECKING:
    from lading.execution.folder import AttemptFolder
    from lading.execution.patience import Patience
    from lading.execution.records import Ended
    from lading_runner.contract import Result


def with_outputs(
    ended: Ended, result: Result, folder: AttemptFolder, patience: Patience, outbox: bool
) -> Ended:
    """``ended``, its artifacts moved out of the job's ``outbox``, if it has one; a failure of the
    infrastructure unless the bytes of every output are there."""
    if outbox:
        patience.ask(folder.collect)
    if patience.until(
        lambda: not patience.ask(lambda: folder.missing_outputs(result)), patience.policy.settle_s
    ):
        return ended
    names = ", ".join(folder.missing_outputs(result))
    message = f"the result promises {names}, but the store {folder.objects.root} lacks the bytes"
    return replace(ended, verdict=replace(failed(FailureClass.INFRA, message), action=Action.RETRY))
