"""First process of a job's container, given to its Python as text: fetches the runner, and becomes it.

Standard library only, Python 3.9 and later. Vertex AI mounts the bucket; the runner is copied, since it
unpacks itself into the folder that it lies in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

EMPTY = "LADING_EMPTY"  # variable that names those whose value is empty


def main(runner: str, spec: str, lock: str = "") -> int:  # noqa: RET503  # it does not return where all is well
    """``runner``, ``lock``: paths under /gcs."""
    os.environ.setdefault("LADING_JOB_ID", os.environ.get("CLOUD_ML_JOB_ID", ""))
    os.environ.update(dict.fromkeys(filter(None, os.environ.pop(EMPTY, "").split(",")), ""))
    folder = tempfile.mkdtemp(prefix="lading-")
    own = os.path.join(folder, "runner.pyz")  # noqa: PTH118  # as little as can be imported
    try:
        shutil.copyfile(runner, own)
    except OSError as e:
        print(
            f"the job cannot read the runner {runner} ({e.strerror}); expected the store's bucket there; "
            "give the job a service account that may read and write it",
            file=sys.stderr,
        )
        return 66
    if lock:
        packages = os.path.join(folder, "packages")  # noqa: PTH118
        code = subprocess.call([sys.executable, "-I", "-u", own, "--install", lock, packages])  # noqa: S603
        if code:
            return code
        os.environ["LADING_PACKAGES"] = packages
    os.execv(sys.executable, [sys.executable, "-I", "-u", own, "--spec", spec])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
