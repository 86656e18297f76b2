"""The index on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.index_contract import IndexContract
from index_databases import sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine


class TestOnSQLite(IndexContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return sqlite(tmp_path)
