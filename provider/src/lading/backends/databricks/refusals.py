"""What a workspace's refusals mean, and their cures: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lading.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_LATER_CODES = {
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "COULD_NOT_ACQUIRE_LOCK",
}
_DELETED = re.compile(r"idempotency.?token.*deleted|deleted.*idempotency.?token", re.IGNORECASE)
_TEXT_BYTES = 500
_TOKEN = re.compile(r"access token|credential", re.IGNORECASE)  # the API refuses them by 401 and by 403


class Refused(Exception):
    """An answer of the API that is no success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message

    @classmethod
    def of(cls, response: Any) -> Refused:
        try:
            found = response.json()
            return cls(
                response.status_code, str(found.get("error_code", "")), _line(found.get("message", ""))
            )
        except (ValueError, AttributeError):  # no JSON, or no object
            return cls(response.status_code, "", _line(response.text) or "no text")


def is_later(refused: Refused) -> bool:
    return refused.status == 429 or refused.status >= 500 or refused.code in _LATER_CODES


def is_absent(refused: Refused) -> bool:
    """Certainly: the API says so in two ways, one of them of runs alone."""
    if refused.status == 404:
        return refused.code != "ENDPOINT_NOT_FOUND" and bool(refused.code)
    return refused.status == 400 and bool(re.search(r"\bdoes not exist\b", refused.message))


def is_deleted(refused: Refused) -> bool:
    """The run of an idempotency token."""
    return refused.status == 400 and bool(_DELETED.search(refused.message))


def config_error(refused: Refused, doing: str, connection: str) -> ConfigError:
    """The first line names cause and cure."""
    cure = next((cure for fits, cure in _CURES if fits(refused)), "correct the target or the step")
    return ConfigError(
        f"Databricks refuses to {doing}: {refused.message or refused.code} "
        f"({refused.status} {refused.code}); {cure.format(connection=connection)}"
    )


def _says(pattern: str) -> Callable[[Refused], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda refused: bool(compiled.search(refused.message))


#: In this order: what the message says tells more than the status.
_CURES: tuple[tuple[Callable[[Refused], bool], str], ...] = (
    (
        lambda refused: refused.status == 401 or bool(_TOKEN.search(refused.message)),
        "the token of connection {connection!r} is missing, wrong or expired: make a new one in the "
        "workspace and put it into the connection",
    ),
    (
        _says(r"node type|node_type_id"),
        "name one that the workspace has: databricks clusters list-node-types",
    ),
    (
        _says(r"policy"),
        "correct policy of the target, or ask for the right to use it: databricks cluster-policies list",
    ),
    (
        _says(r"spark version|spark_version"),
        "name a runtime that the workspace has: databricks clusters spark-versions",
    ),
    (
        _says(r"instance profile"),
        "register it in the workspace's settings, or correct instance_profile of the target",
    ),
    (_says(r"environment.?version"), "name an environment version that the workspace has"),
    (
        _says(r"docker|container services"),
        "let an administrator turn on Container Services, or correct the image",
    ),
    (
        lambda refused: bool(_DELETED.search(refused.message)),
        "its run was deleted by hand: clear the task to begin another one",
    ),
    (
        lambda refused: refused.status == 403,
        "give the identity of connection {connection!r} the right to it: create clusters or use the policy, "
        "READ and WRITE on the volume, CAN EDIT on the workspace folder, CAN USE on the service principal",
    ),
    (
        lambda refused: refused.status == 404 and refused.code in ("", "ENDPOINT_NOT_FOUND"),
        "see that the host of connection {connection!r} is a Databricks workspace",
    ),
    (lambda refused: refused.status == 404, "see that it exists, and correct files= of the target"),
)


def _line(text: Any) -> str:
    return " ".join(str(text).split())[:_TEXT_BYTES]
