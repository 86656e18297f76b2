"""What can go wrong at the fake Vertex AI: calls that fail, and jobs that come to a bad end."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass
class Fault:
    """Of the next ``times`` calls of ``method``: they fail with ``code``, before or ``after`` their work."""

    method: str
    code: str  # of gRPC
    message: str
    after: bool = False
    times: int = 1


@dataclass
class Fate:
    """Of the next job that is created. ``end``: gRPC code and message of its error, ``at`` that state; the
    process, if it runs, is killed by ``number``."""

    end: tuple[int, str] | None = None
    at: str = "RUNNING"
    number: int = signal.SIGKILL
    after_s: float = 0.0  # in that state
    queued_s: float = 0.0
    hidden_s: float = 0.0  # until it is in the list

    @classmethod
    def preempted(cls, after_s: float = 0.0) -> Fate:
        message = (
            "Internal error occurred for the current attempt: the Spot VM of workerpool0-0 was preempted."
        )
        return cls((14, message), number=signal.SIGTERM, after_s=after_s)

    @classmethod
    def out_of_memory(cls) -> Fate:
        message = (
            "The replica workerpool0-0 ran out-of-memory and exited with a non-zero status of 9(SIGKILL)."
        )
        return cls((3, message))

    @classmethod
    def stockout(cls) -> Fate:
        message = "Resources are insufficient in region: us-central1. Please try a different region."
        return cls((8, message), at="PENDING")

    @classmethod
    def no_image(cls, image: str) -> Fate:
        return cls((5, f"Failed to pull image {image}: manifest unknown: not found."), at="PENDING")
