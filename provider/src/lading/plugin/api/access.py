"""Who asks, and which DAGs they may read. The one place that uses Airflow's auth modules, none of which is
declared public: should they change, the API fails to start instead of letting anyone in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.batch_apis import IsAuthorizedDagRequest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

User = Annotated[Any, Depends(get_user)]

#: For routes whose path has a parameter named exactly ``dag_id``: Airflow looks for that name alone, and
#: takes a route without it for "may read some DAG".
MayReadDag = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))


def readable(dag_ids: Iterable[str], user: Any, session: Session) -> frozenset[str]:
    """Those of ``dag_ids`` whose XComs ``user`` may read, also where Airflow no longer knows the DAG."""
    wanted = list(dag_ids)
    teams: dict[str, str | None] = {}
    if wanted and conf.getboolean("core", "multi_team", fallback=False):
        teams = DagModel.get_dag_id_to_team_name_mapping(wanted, session=session)
    details = [DagDetails(id=dag_id, team_name=teams.get(dag_id)) for dag_id in wanted]
    manager = get_auth_manager()
    # Only an auth manager with an answer of its own for many; Airflow's default asks for each, to no use.
    if type(manager).batch_is_authorized_dag is not BaseAuthManager.batch_is_authorized_dag:
        entity = DagAccessEntity.XCOM
        requests = [IsAuthorizedDagRequest(method="GET", access_entity=entity, details=d) for d in details]
        if manager.batch_is_authorized_dag(requests, user=user):
            return frozenset(wanted)
    return frozenset(
        dag_id
        for dag_id, of_dag in zip(wanted, details, strict=True)
        if manager.is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.XCOM, details=of_dag, user=user
        )
    )


def is_operator(user: Any) -> bool:
    """Whether ``user`` may read all connections, and so what concerns all DAGs together."""
    return bool(get_auth_manager().is_authorized_connection(method="GET", user=user))
