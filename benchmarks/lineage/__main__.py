"""``python -m benchmarks.lineage``"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # a private PostgreSQL server

from benchmarks.lineage import dataset, http, measure
from lading_runner.store import open_object_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.lineage.measure import Figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage")
    parser.add_argument("--artifacts", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    args = parser.parse_args()
    print("| database | case | p50 | p95 | target | CPU p50 | n | verdict |")
    print("| --- | --- | --: | --: | --: | --: | --: | --- |")
    for name in args.database or ("sqlite", "postgresql"):
        folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
        try:
            with _database(name, folder) as url:
                for found in _figures(url, folder, args.artifacts):
                    _tell(name, found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder / 'airflow.db'}"
        return
    import postgres_server

    with postgres_server.server() as url:
        yield url


def _figures(url: str, folder: Path, artifacts: int) -> Iterator[Figure]:
    store = (folder / "store").as_uri()
    airflow = http.environment(folder / "home", url, store)
    http.migrate(airflow)
    engine = sa.create_engine(url)
    began = time.monotonic()
    dataset.load(engine, artifacts)
    sys.stderr.write(f"{url.split(':', 1)[0]}: {artifacts:,} artifacts in {time.monotonic() - began:.0f} s\n")
    yield from measure.queries(engine, artifacts)
    yield http.run_graph(airflow, artifacts)
    yield measure.catch_up(engine, open_object_store(store))
    engine.dispose()


def _tell(name: str, found: Figure) -> None:
    verdict = "met" if found.p95_ms <= found.target_ms else "missed"
    cpu = "" if found.cpu_ms is None else f"{found.cpu_ms:.1f} ms"
    cells = (name, found.case, f"{found.p50_ms:.1f} ms", f"{found.p95_ms:.1f} ms", f"{found.target_ms:g} ms",
             cpu, str(found.n), verdict)  # fmt: skip
    print(f"| {' | '.join(cells)} |", flush=True)


main()
