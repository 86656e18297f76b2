"""The index on a PostgreSQL server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.index_contract import IndexContract
from contract.search_contract import SearchContract
from index_databases import postgresql

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class TestOnPostgreSQL(IndexContract, SearchContract):
    @pytest.fixture
    def engine(self, postgresql_server: str) -> Engine:
        return postgresql(postgresql_server)
