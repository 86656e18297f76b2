"""What a search of the index promises, on any database: inherit and give ``engine``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from index_databases import everything, index, store_of
from lading.lineage.index import counts as index_counts
from lading.lineage.index import search as index_search
from lading.lineage.index import tables as t
from lading.lineage.index.counts import tallies
from lading.lineage.index.records import Sight
from lading.lineage.index.rows import place_ms
from lading.lineage.index.search import Condition, Wanted, search
from lineage_samples import START, event, model, ref

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class SearchContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    def test_search_gives_pages_without_gaps(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        events = [
            event("train", n=n, at_s=n // 3, run_id=f"r{n}",
                  params={"trees": n, "kind": "a" if n % 2 else "b"},
                  outputs={"return_value": model(n), "log": ref(f"l{n}")},
                  metrics={"accuracy": n / 100, "dotted.name": n})
            for n in range(1, 100)
        ]  # fmt: skip
        index(engine, store_of(events))
        with engine.connect() as connection:
            sight = everything(connection)

            def pages(wanted: Wanted, size: int = 7) -> list[int]:
                found: list[int] = []
                before = None
                while page := search(connection, wanted, sight, before=before, limit=size):
                    found += page
                    last = sa.select(t.artifact.c.place).where(t.artifact.c.id == page[-1])
                    before = connection.scalar(last)
                return found

            assert len(pages(Wanted())) == len(set(pages(Wanted()))) == 198
            assert len(pages(Wanted(q="RandomForest"))) == 99
            assert len(pages(Wanted(name="log", task_id="train"))) == 99
            assert len(pages(Wanted(type="skops"))) == 99
            digits = model(5).digest[7:15]
            assert len(pages(Wanted(digest=digits))) == 1
            assert len(pages(Wanted(run_id="r5"))) == 2
            over = Condition(t.METRIC, "accuracy", ">=", "0.9", 0.9)
            assert len(pages(Wanted(conditions=(over,)))) == 20
            text = Condition(t.PARAM, "kind", "=", "a")
            assert len(pages(Wanted(conditions=(over, text), type="skops"))) == 5
            assert (
                len(pages(Wanted(conditions=(Condition(t.METRIC, "train.dotted.name", "<", "3", 3.0),)))) == 4
            )
            assert pages(Wanted(q="%")) == []
            assert pages(Wanted(dag_id="nowhere")) == []
            every = pages(Wanted())
            third, sixth = (round((START.timestamp() + s) * 1000) for s in (3, 6))
            made = {"made_gte_ms": third, "made_lt_ms": sixth}
            within = [id_ for id_ in every if third <= _made_ms(connection, id_) < sixth]
            assert len(within) == 18
            assert pages(Wanted(**made)) == within
            assert pages(Wanted(**made), size=500) == within  # all of the series at once
            assert len(pages(Wanted(made_gte_ms=third), size=2)) == 198 - 16
            assert pages(Wanted(**made, run_id="r10")) == [
                i for i in within if i in pages(Wanted(run_id="r10"))
            ]
            assert len(pages(Wanted(**made, conditions=(text,)))) == 10
            assert pages(Wanted(made_gte_ms=sixth, made_lt_ms=third)) == []
            monkeypatch.setattr(index_search, "_LARGE", 5)
            monkeypatch.setattr(index_search, "_EACH", 3)  # of two series: as many as fill the page
            assert pages(Wanted(), size=6) == pages(Wanted(), size=5) == every
            assert pages(Wanted(**made), size=6) == within
            assert search(connection, Wanted(), sight, before=None, limit=6) == every[:6]
            assert pages(Wanted(made_gte_ms=2**62)) == pages(Wanted(made_lt_ms=-(2**62))) == []

    def test_choices_are_counted_up_to_a_bound(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        made = [
            event("train", n=n, at_s=n, run_id=f"r{n}", dag_id="one" if n % 3 else "two", metrics={"a": n},
                  outputs={"return_value": model(n), "log": ref(f"l{n}")})
            for n in range(1, 31)
        ]  # fmt: skip
        index(engine, store_of(made))
        forest = model(1).type
        at = [round((START.timestamp() + s) * 1000) for s in (21, 26, 99)]
        with engine.connect() as connection:
            sight = everything(connection)

            def told(wanted: Wanted, since: list[int] = at) -> tuple[object, ...]:
                types, dag_ids, periods = tallies(connection, wanted, sight, since)
                return (types.counts, dag_ids.counts, [one.number for one in periods],
                        [types.more, dag_ids.more, *(one.more for one in periods)])  # fmt: skip

            none = [False] * 5
            both = {"dict": 30, forest: 30}
            assert told(Wanted()) == (both, {"one": 40, "two": 20}, [20, 10, 0], none)
            # each list as if nothing were chosen in it
            chosen = Wanted(type=forest, dag_id="two", made_gte_ms=at[0])
            assert told(chosen) == ({"dict": 4, forest: 4}, {"one": 6, "two": 4}, [4, 2, 0], none)
            over = Condition(t.METRIC, "a", ">", "28", 28.0)
            assert told(Wanted(conditions=(over,)))[1] == {"one": 2, "two": 2}
            hidden = Sight({id_: name for id_, name in sight.dags.items() if name == "two"})
            types, dag_ids, periods = tallies(connection, Wanted(), hidden, at)
            assert (types.counts, dag_ids.counts) == ({"dict": 10, forest: 10}, {"two": 20})
            assert [one.number for one in periods] == [8, 4, 0]
            monkeypatch.setattr(index_counts, "MOST", 15)
            types, dag_ids, periods = tallies(connection, Wanted(), sight, at)
            assert (sum(types.counts.values()), sum(dag_ids.counts.values())) == (15, 15)
            assert (types.more, dag_ids.more) == (True, True)
            # the newest 15 reach back beyond the second moment, which so is exact
            assert [tuple(one) for one in periods] == [(15, True), (10, False), (0, False)]
            monkeypatch.setattr(index_counts, "MOST_ON_CONDITIONS", 3)
            assert told(Wanted(conditions=(over,)))[3][:2] == [True, True]


def _made_ms(connection: sa.Connection, artifact: int) -> int:
    return place_ms(connection.scalar(sa.select(t.artifact.c.place).where(t.artifact.c.id == artifact)) or 0)
