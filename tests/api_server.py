"""Airflow's API application in this process, with users who may read different things."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fastapi import FastAPI
    from fastapi.testclient import TestClient

PREFIX = "/lading/api/v1"
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: A user of role VIEWER who may read this DAG alone.
GRANTED = "report"
USERS = {"admin": "ADMIN", "viewer": "VIEWER", "bob": "VIEWER", "nobody": None}


class OneDagAuthManager(SimpleAuthManager):
    """``bob`` may read one DAG; asked for none in particular he may read some DAG, as with real managers.
    Answers for many DAGs at once."""

    asked: ClassVar[list[list[str | None]]] = []  # the DAGs of each call

    def batch_is_authorized_dag(self, requests: Sequence[Any], *, user: Any) -> bool:
        self.asked.append([request["details"].id for request in requests])
        return all(self._may_read(user, **request) for request in requests)

    def is_authorized_dag(self, *, user: Any, details: Any = None, **more: Any) -> bool:
        self.asked.append([details and details.id])
        return self._may_read(user, details=details, **more)

    def _may_read(self, user: Any, details: Any = None, **more: Any) -> bool:
        if user.username == "bob" and details is not None and details.id not in (None, GRANTED):
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **more))


@contextmanager
def serving(folder: Path) -> Iterator[TestClient]:
    """With its artifact store in ``folder`` and an empty index; without the background loop."""
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from fastapi.testclient import TestClient

    from lading import database, deployment
    from lading.lineage.index.upkeep import rebuild
    from lading.plugin.api import reader

    settings = {
        "AIRFLOW__CORE__AUTH_MANAGER": f"{__name__}.OneDagAuthManager",
        "AIRFLOW__LADING__STORE": folder.as_uri(),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    deployment.settings.cache_clear()
    purge_cached_app()
    reader.forget()
    database.migrate()
    rebuild(database.engine(), deployment.store().objects)
    try:
        yield TestClient(create_app("core"), raise_server_exceptions=False)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        deployment.settings.cache_clear()
        purge_cached_app()
        reader.forget()


def bring_up_to_date() -> None:
    from lading import database, deployment
    from lading.lineage.index.catchup import Projector

    Projector(database.engine(), deployment.store().objects).everything()


def headers(user: str | None) -> dict[str, str]:
    """None: nobody at all; ``bad``: a token that nobody signed."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    if user is None:
        return {}
    if user == "bad":
        return {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
    found = SimpleAuthManagerUser(username=user, role=USERS[user])
    return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(found)}"}


def lading_app(client: TestClient) -> FastAPI:
    mounts = [route for route in client.app.routes if getattr(route, "path", None) == "/lading"]
    return mounts[0].app


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", lambda match: values[match[1]], path)
