"""Every command and option of ``lading``; handlers are named, and imported when they run."""

from __future__ import annotations

import argparse

_EPILOG = """\
examples:
  lading lineage show --dag churn --run latest     the lineage of a run
  lading lineage trace 3fa9c2d1                    where an artifact came from, what it went into
  lading artifacts get 3fa9c2d1 -o model.skops     its bytes
  lading doctor                                    what is wrong here, and what to do

The artifact store is --store, else $LADING_STORE, else [lading] store of Airflow's configuration.
exit codes: 0 done, 1 a problem was found or nothing was, 2 wrong usage. NO_COLOR and COLUMNS are honoured.
"""


def build() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lading",
        description="ML steps on Airflow: their lineage, their artifacts, where they run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print versions and exit")
    parser.set_defaults(handler=None, usage=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _demo(commands)
    _lineage(commands)
    _artifacts(commands)
    _index(commands)
    _deployment(commands)
    completion = _command(commands, "completion", "print a completion script for a shell", "completion:show")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.epilog = 'put into ~/.bashrc:  eval "$(lading completion bash)"'
    return parser


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    commands: _Commands[argparse.ArgumentParser], name: str, help_: str, handler: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_,
        description=help_[0].upper() + help_[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=f"lading.cli.{handler}" if handler else None, usage=parser)
    return parser


def _reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="URL", help="artifact store: file:///path, s3://bucket/prefix, …")
    _json(parser)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and errors as JSON on standard error"
    )


def _demo(commands: _Commands[argparse.ArgumentParser]) -> None:
    from lading.cli.demo import add_arguments

    add_arguments(
        _command(commands, "demo", "run a real training DAG here and look at its lineage", "demo:run")
    )


def _lineage(commands: _Commands[argparse.ArgumentParser]) -> None:
    group = _command(commands, "lineage", "what went into a run or an artifact").add_subparsers(
        metavar="COMMAND"
    )
    show = _command(group, "show", "print the lineage of one run", "lineage:show")
    show.add_argument("--dag", metavar="DAG", help="needed with latest, and where DAGs share a run id")
    show.add_argument("--run", metavar="RUN", default="latest", help="run id, or latest (the default)")
    show.add_argument(
        "--expand", action="store_true", help="every mapped task and list element on its own line"
    )
    _reading(show)
    trace = _command(group, "trace", "where an artifact came from, and what it went into", "lineage:trace")
    trace.add_argument("digest", help="first digits of its SHA-256, at least 4")
    trace.add_argument(
        "--depth", type=_depth, default=12, metavar="N", help="levels of steps to show (default 12)"
    )
    _reading(trace)


def _artifacts(commands: _Commands[argparse.ArgumentParser]) -> None:
    group = _command(commands, "artifacts", "what is in the artifact store").add_subparsers(metavar="COMMAND")
    listing = _command(group, "list", "list artifacts, newest first", "artifacts:show_list")
    listing.add_argument("--dag", metavar="DAG", help="only of this DAG")
    listing.add_argument("--run", metavar="RUN", help="only of this run; latest needs --dag")
    listing.add_argument("--type", metavar="TEXT", help="only where type or format contains this")
    listing.add_argument("--limit", type=_depth, default=50, metavar="N", help="at most so many (default 50)")
    _reading(listing)
    show = _command(group, "show", "print facts, producers and consumers of an artifact", "artifacts:show")
    show.add_argument("digest", help="first digits of its SHA-256, at least 4")
    _reading(show)
    get = _command(
        group, "get", "write the bytes of an artifact, verified, to a file or a pipe", "artifacts:get"
    )
    get.add_argument("digest", help="first digits of its SHA-256, at least 4")
    get.add_argument("-o", "--output", metavar="FILE", help="file to write (default: standard output)")
    get.add_argument("--force", action="store_true", help="replace FILE if it is there")
    _reading(get)


def _index(commands: _Commands[argparse.ArgumentParser]) -> None:
    group = _command(commands, "index", "the lineage index in Airflow's database").add_subparsers(
        metavar="COMMAND"
    )
    _json(_command(group, "status", "print what the index holds, and what is damaged", "index:show_status"))
    verify = _command(group, "verify", "compare the index with every event of the log", "index:verify")
    _reading(verify)
    rebuild = _command(group, "rebuild", "make the index anew from the log", "index:rebuild")
    _reading(rebuild)
    migrate = _command(group, "migrate", "create or upgrade the tables of the index", "index:migrate")
    migrate.add_argument("--to", metavar="REVISION", help="downgrade to this revision; base: no tables")
    _json(migrate)


def _deployment(commands: _Commands[argparse.ArgumentParser]) -> None:
    _json(_command(commands, "targets", "list targets and backends, with their problems", "targets:show"))
    _json(_command(commands, "config", "print every setting and where it comes from", "config:show"))
    doctor = _command(commands, "doctor", "try everything that steps need, and name the cures", "doctor:show")
    doctor.add_argument("--target", metavar="NAME", help="run a job on this target, and look at no other")
    _reading(doctor)
    render = _command(
        commands,
        "render",
        "print what each step of a DAG file would submit",
        "render:show",
    )
    render.add_argument("file", metavar="DAG_FILE")
    render.add_argument("task", metavar="TASK", nargs="?", help="only this step")
    _json(render)


def _depth(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from lading.cli.versions import versions

        print(" · ".join(f"{name} {version}" for name, version in versions().items()))
        parser.exit()
