"""What Databricks starts: unpacks the runner behind this text, and runs it.

Runs in the job: standard library only, Python 3.9 and later. The runner is a process of its own, since the
one that Databricks gives has its streams and signals in its own hands; with ``spark`` it is that very one,
which has the session. A run ends with the runner's exit code in its error: Databricks tells no exit codes.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import zlib

RUNNER = ""  # replaced: base64 of the zlib-compressed runner


class LadingJobFailed(Exception):
    """Its text is what Databricks tells of a run that failed."""


def main(order: str, run_id: str) -> None:
    """:raises LadingJobFailed: the runner's exit code is not 0"""
    told = json.loads(order)
    os.environ.update(told["env"])
    os.environ.update({name: _secret(place) for name, place in told["secret_env"].items()})
    os.environ["LADING_MASK_ENV"] = ",".join(told["secret_env"])
    if run_id.isdigit():  # else nothing was put in the place of the reference: the runner names itself
        os.environ["LADING_JOB_ID"] = run_id
    with tempfile.TemporaryDirectory(prefix="lading-") as folder:
        runner = os.path.join(folder, "runner.pyz")  # noqa: PTH118
        with open(runner, "wb") as file:  # noqa: PTH123
            file.write(zlib.decompress(base64.b64decode(RUNNER)))
        code, last = (_here if told["spark"] else _apart)(runner, told["spec"])
    if code:
        raise LadingJobFailed(f"{last or 'the runner said nothing'} (runner exit code {code})")


def _apart(runner: str, spec: str) -> tuple[int, str]:
    """Exit code, negative for a signal, and the last line."""
    where = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the environment's packages lie there
    argv = (sys.executable, "-u", runner, "--spec", spec)
    process = subprocess.Popen(  # noqa: S603
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **where}
    )
    last = ""
    for raw in process.stdout or ():
        line = raw.decode(errors="backslashreplace").rstrip("\n")
        print(line, flush=True)  # noqa: T201  # Databricks shows what this process prints
        last = line if line.strip() else last
    code = process.wait()
    return (128 - code if code < 0 else code), last  # as a shell tells of a signal


def _here(runner: str, spec: str) -> tuple[int, str]:
    os.environ["LADING_SPARK"] = "1"
    sys.path.insert(0, runner)
    from lading_runner.job import main as run

    return run(["--spec", spec]), "the step failed, see its log"


def _secret(place: str) -> str:
    from databricks.sdk.runtime import dbutils

    scope, _, key = place.partition("/")
    return str(dbutils.secrets.get(scope, key))
