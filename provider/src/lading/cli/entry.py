"""From arguments to a handler and an exit code; every error ends here as one message."""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING

from lading.cli.parser import build
from lading.errors import LadingError
from lading.lineage.spans import clean
from lading_runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str] | None) -> int:
    parser = build()
    try:
        args = parser.parse_args(argv)
    except SystemExit as e:  # argparse has said why
        return int(e.code or 0)
    if args.handler is None:
        args.usage.print_help(sys.stderr)
        return 2
    module, _, function = args.handler.partition(":")
    try:
        code: int = getattr(import_module(module), function)(args)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as e:  # noqa: BLE001  # the last place to tell people
        return _tell(e, as_json=getattr(args, "json", False))
    return code


def _tell(error: Exception, *, as_json: bool) -> int:
    expected = isinstance(error, (LadingError, RunnerError))
    message = str(error) or type(error).__name__
    if as_json:
        print(json.dumps({"error": {"type": type(error).__name__, "message": message}}), file=sys.stderr)
        return 1
    if not expected or os.environ.get("LADING_DEBUG"):
        traceback.print_exception(error)
    name = "" if expected else f"{type(error).__name__}: "
    print(f"lading: {name}{clean(message)}", file=sys.stderr)
    return 1
