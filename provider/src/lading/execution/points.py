"""Where the protocol may be interrupted."""

from __future__ import annotations

#: Every place between two lines of the protocol where a test may kill the worker.
FAILPOINTS = (
    "start.loaded",
    "start.decided",
    "start.previous_reported",
    "start.intent_saved",
    "start.spec_written",
    "start.submitted",
    "start.handle_saved",
    "wait.ended",
    "wait.result_read",
    "resubmit.reported",
    "finish.verified",
    "finish.reported",
    "finish.removed",
    "finish.final_saved",
    "cancel.intent_saved",
    "cancel.requested",
    "cancel.ended",
    "cancel.reported",
    "cancel.final_saved",
)
