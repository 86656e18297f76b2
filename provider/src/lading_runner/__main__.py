"""``python -m lading_runner --spec <URL or path of spec.json>``"""

from __future__ import annotations

import sys

from lading_runner.job import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
