"""What only the author of a backend can do to a job of it, from outside: faults for the contract's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lading.backends.base import JobHandle


class Hooks:
    """A test that needs a hook which a class does not define is skipped and says so, or fails where the class
    names it in ``required``."""

    required: ClassVar[frozenset[str]] = frozenset()

    def kill_job(self, handle: JobHandle) -> None:
        """End the running job at once, as somebody would who is not Lading."""
        raise NotImplementedError

    def erase_job(self, handle: JobHandle) -> None:
        """Take the running job off its platform, without a trace."""
        raise NotImplementedError

    def preempt(self, handle: JobHandle) -> None:
        """Have the platform take the running job's place away."""
        raise NotImplementedError

    def exhaust_memory(self, handle: JobHandle) -> None:
        """End the running job as the platform does when memory runs out: for backends whose capabilities lack
        MEMORY, or where a step cannot run into that limit."""
        raise NotImplementedError

    def lose_answer(self) -> AbstractContextManager[None]:
        """Within it, the next submission is accepted and its answer never comes; leaving it asserts that."""
        raise NotImplementedError

    def hold(self) -> AbstractContextManager[None]:
        """Within it, the platform takes jobs and begins none."""
        raise NotImplementedError

    def silence(self) -> AbstractContextManager[None]:
        """Within it, the platform gives no answer."""
        raise NotImplementedError

    def count_jobs(self, name: str) -> int:
        """How many jobs of that name the platform ever began, ended ones too."""
        raise NotImplementedError

    def unknown_handle(self, handle: JobHandle) -> JobHandle:
        """A handle like ``handle``, of a job that never was."""
        return replace(handle, id="0" * len(handle.id), name="f" * 40)

    def has(self, hook: str) -> bool:
        return getattr(type(self), hook) is not getattr(Hooks, hook)

    def need(self, hook: str) -> None:
        if self.has(hook):
            return
        missing = f"{type(self).__name__} has no hook {hook!r}"
        if hook in self.required:
            pytest.fail(f"{missing}, which it names in required; define it", pytrace=False)
        pytest.skip(f"{missing}; define it to have this tested")
