"""``lading lineage show`` and ``lading lineage trace``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lading.catalogue import Catalogue, open_artifacts
from lading.cli.terminal import Terminal, quiet
from lading.lineage.graph import trace as trace_graph
from lading.lineage.spans import clean
from lading.lineage.trace_tree import trace_tree
from lading.lineage.tree import run_tree

if TYPE_CHECKING:
    import argparse


def catalogue(args: argparse.Namespace) -> Catalogue:
    """Of the store that the arguments mean."""
    with quiet():
        return Catalogue(open_artifacts(args.store))


def show(args: argparse.Namespace) -> int:
    found = catalogue(args)
    graph = found.run(args.run, args.dag)
    terminal = Terminal()
    if args.json:
        terminal.json({**graph.to_json(), "store": found.artifacts.root, "damaged": damaged(found)})
    else:
        terminal.lines(run_tree(graph, store=found.artifacts.root, expand=args.expand))
    warn(found)
    return 0


def trace(args: argparse.Namespace) -> int:
    found = catalogue(args)
    digest = found.resolve(args.digest)
    back, forward = (trace_graph(found.history, digest, back=way) for way in (True, False))
    terminal = Terminal()
    if args.json:
        terminal.json(
            {
                "digest": digest,
                "ancestry": back.to_json(),
                "descendants": forward.to_json(),
                "damaged": damaged(found),
            }
        )
    else:
        terminal.lines(trace_tree(digest, back, forward, depth=args.depth))
    warn(found)
    return 0


def damaged(found: Catalogue) -> list[dict[str, str]]:
    return [item._asdict() for item in found.damaged]


def warn(found: Catalogue) -> None:
    """Say on standard error which objects of the log hold no event; the answer is right but for them."""
    for item in found.damaged[:3]:
        print(f"lading: {clean(item.key)} holds no lineage event: {clean(item.reason)}", file=sys.stderr)
    if len(found.damaged) > 3:
        print(f"lading: and {len(found.damaged) - 3} more damaged events", file=sys.stderr)
