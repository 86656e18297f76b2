"""Keeps the index of this API server fresh: in the background, and before an answer is given."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

from alembic.util import CommandError
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from lading import database, deployment
from lading.errors import LadingError
from lading.lineage.index.catchup import Progress, Projector
from lading.lineage.index.tables import state
from lading.plugin.api.loop import Loop
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("lading")

FRESH_S = 1.0  # an answer may be so old
WAIT_S = 0.4  # an answer waits so long for newer events
_PERIOD_S = 5.0
_DAYS_PERIOD_S = 15.0  # for events of long jobs
_DAYS_S = 2 * 86_400
_WHOLE_PERIOD_S = 600.0  # for events that came late
_SHARE = 20  # looking far back may take a twentieth of the time


class Keeper:
    """One per process. Of several API servers each looks for itself: whoever comes first adds an event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lading-index")
        self._pass: Future[Progress] | None = None
        self._looked = -FRESH_S
        self.loop = Loop("lading-index-loop", self._run)
        self.problem: str | None = None

    def behind(self) -> bool:
        """Look for new events, for a bounded time; whether some are left."""
        with self._lock:
            if self._pass is None or self._pass.done():
                if self._pass is not None and time.monotonic() - self._looked < FRESH_S:
                    return not self._pass.result().complete or self.problem is not None
                self._pass = self._pool.submit(self._look)
            running = self._pass
        try:
            return not running.result(WAIT_S).complete or self.problem is not None
        except NotYet:
            return True

    def _look(self) -> Progress:
        found = self._try(lambda projector: projector.recent(budget_s=30))
        self._looked = time.monotonic()
        return found

    def _run(self) -> None:
        self._create_tables()
        next_days = next_whole = time.monotonic()
        while not self.loop.stopping.is_set():
            if time.monotonic() >= next_whole:
                took = self._try(lambda projector: projector.everything(self._told)).seconds
                next_whole = time.monotonic() + max(_WHOLE_PERIOD_S, _SHARE * took)
                next_days = time.monotonic() + _DAYS_PERIOD_S
            elif time.monotonic() >= next_days:
                took = self._try(lambda projector: projector.recent(back_s=_DAYS_S)).seconds
                next_days = time.monotonic() + max(_DAYS_PERIOD_S, _SHARE * took)
            else:
                self.behind()
            self.loop.stopping.wait(_PERIOD_S)

    def _told(self, _: Progress) -> None:
        if self.loop.stopping.is_set():
            raise _Stopped

    def _try(self, look: Callable[[Projector], Progress]) -> Progress:
        """What went wrong is kept to be told, and tried again: the answers go on with what there is."""
        try:
            found = look(Projector(database.engine(), deployment.store().objects))
        except _Stopped:
            return Progress(complete=False)
        except (RunnerError, LadingError, SQLAlchemyError, OSError, ValueError) as e:
            told = str(e).split("\n", 1)[0]
            if told != self.problem:
                log.warning("the lineage index cannot be brought up to date: %s", told)
            self.problem = told
            return Progress(complete=False)
        self.problem = None
        return found

    def _create_tables(self) -> None:
        """For who installs the provider into a running deployment; newer tables are left to who migrates."""
        try:
            if not inspect(database.engine()).has_table(state.name):
                database.migrate()
                log.info("created the tables of the lineage index")
        except (SQLAlchemyError, CommandError, LadingError, OSError) as e:  # every answer will name the cure
            log.warning("the tables of the lineage index could not be created: %s", e)


class _Stopped(Exception):
    pass


KEEPER = Keeper()
