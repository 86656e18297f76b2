"""Every test session has its own Airflow: a new home, no DAGs, no settings of the machine it runs on."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

TESTS = Path(__file__).parent
# not within the home of the process that started this one with ``-n``: paths of sockets end at 107 bytes
HOME = Path(tempfile.mkdtemp(prefix="lading-tests-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

SETTINGS = {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": HOME / "dags",  # dag.test() parses all of it on each call: it stays empty
    "AIRFLOW__CORE__LOAD_EXAMPLES": False,
    "AIRFLOW__CORE__XCOM_BACKEND": "lading.xcom.LadingXComBackend",
    "AIRFLOW__CORE__FERNET_KEY": "bGFkaW5nLXRlc3RzLWxhZGluZy10ZXN0cy1sYWRpbmc=",
    "AIRFLOW__API__SECRET_KEY": "lading-tests",
    "AIRFLOW__API_AUTH__JWT_SECRET": "lading-tests-" * 5,
    "AIRFLOW__LADING__STORE": f"file://{HOME / 'store'}",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "TMPDIR": HOME / "tmp",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": HOME / "matplotlib",
}


def _isolate() -> None:
    """Before any test module imports Airflow, which reads its home and its settings once."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "_AIRFLOW_"))]:
        del os.environ[name]
    if url := os.environ.get("LADING_TEST_DATABASE"):  # else a file of SQLite in the home
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url
    (HOME / "dags").mkdir()
    (HOME / "tmp").mkdir()
    HOME.chmod(0o711)  # a database server of the tests has a user of its own
    os.environ.setdefault(
        "PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()
    )  # where tmp_path stays to be looked at
    tempfile.tempdir = None  # to be asked for again
    os.environ.update({name: str(value) for name, value in SETTINGS.items()})


_isolate()


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """A migrated metadata database; about five seconds, once, and only where a test asks for it."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``-n``: one process has all tests of a file, or of a folder whose tests share servers."""
    from xdist.scheduler import LoadScopeScheduling

    class TogetherByServers(LoadScopeScheduling):  # type: ignore[misc]  # has no types
        def _split_scope(self, nodeid: str) -> str:
            file = Path(nodeid.partition("::")[0])
            return str(file.parent if file.is_relative_to("tests/e2e") else file)

    return TogetherByServers(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """With ``-n``: what is marked ``alone`` measures, so that it has the machine for itself.

    A pytest that a test runs has the variables of that test's process. It has its turn too: it would wait for
    who waits for the test.
    """
    if not hasattr(item.config, "workerinput"):
        return (yield)
    run = item.config.workerinput["testrunuid"]
    shared = Path(os.environ["PYTEST_DEBUG_TEMPROOT"], f"lading-tests-{run}")
    with open(f"{shared}.turn", "wb") as turn, open(f"{shared}.machine", "wb") as machine:
        fcntl.flock(turn, fcntl.LOCK_EX)  # who waits for the machine is not passed by
        fcntl.flock(machine, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        return (yield)


class _AtOnce:
    """A test that fails says so when it does: a run may be ended before its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            lines = report.longreprtext.splitlines()
            last = [line for line in lines if line.startswith("E ")][:3] or lines[-3:]
            terminal.ensure_newline()
            terminal.write_line(f"{report.nodeid} failed ({report.when}, {report.duration:.0f} s)", red=True)
            terminal.write_line("\n".join(last))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(config))


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # it ends without the calls that are registered for the exit
        shutil.rmtree(HOME, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if not skipped:
        return
    terminalreporter.section(f"{sum(skipped.values())} skipped, by reason")
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count:5}  {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return (
        str(report.longrepr[2]).removeprefix("Skipped: ")
        if isinstance(report.longrepr, tuple)
        else "no reason"
    )
