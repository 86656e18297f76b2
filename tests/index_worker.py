"""A process that brings an index up to date: python index_worker.py URL FOLDER"""

from __future__ import annotations

import sys

import sqlalchemy as sa

from lading.lineage.index.catchup import Projector
from lading_runner.store import open_object_store

if __name__ == "__main__":
    url, folder = sys.argv[1:]
    arguments = {"timeout": 60} if url.startswith("sqlite") else {}
    engine = sa.create_engine(url, connect_args=arguments)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    print(Projector(engine, open_object_store(f"file://{folder}"), batch=10).everything().added)
