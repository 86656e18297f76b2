"""Exit status 0 if a part of Airflow is healthy, by the API server: ``healthy.py scheduler``.

Without importing Airflow, which takes seconds of a CPU at each look.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request


def main(part: str) -> int:
    base = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    with urllib.request.urlopen(f"{base}/api/v2/monitor/health", timeout=8) as answer:  # noqa: S310  # http
        status = json.load(answer)[part]["status"]
    print(part, status)
    return 0 if status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
