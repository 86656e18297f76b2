"""Requests to one cluster, as plain JSON, and what its refusals mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lading.backends.kubernetes.clients import Access, client, forget
from lading.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONNECT_S = 10.0
_READ_S = 60.0  # between two bytes
_ROOTS = {"jobs": "/apis/batch/v1"}  # all others: the core
_RESOURCES = {"Pod": "pods", "ConfigMap": "configmaps", "Secret": "secrets", "Job": "jobs"}
_MERGE = "application/merge-patch+json"


class Forbidden(ConfigError):
    """The account has no right to it."""


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Cluster:
    """Connects on first use. Every call may raise ``TransientError``: no answer, or one that says "later";
    and ``ConfigError``: the cluster refuses."""

    access: Access
    asked_namespace: str | None = None

    @property
    def namespace(self) -> str:
        return self.asked_namespace or client(self.access)[1]

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """None: there is one of that name."""
        resource = _RESOURCES[manifest["kind"]]
        try:
            return self._json("POST", "create", resource, body=manifest)
        except _Refused as e:
            if e.status == 409:
                return None
            what = f"{manifest['kind']} {manifest['metadata']['name']}"
            raise ConfigError(
                f"the cluster refuses {what} in namespace {self.namespace!r}: {e.message}; "
                f"{_cure(e, self.namespace)}"
            ) from e

    def read(self, resource: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """None: certainly absent."""
        try:
            return self._json("GET", "get", resource, name, namespace=namespace)
        except _Refused as e:
            _only_absent(e, f"{resource} {name} cannot be read")
            return None

    def delete(
        self, resource: str, name: str, namespace: str, uid: str | None, grace_s: float | None = None
    ) -> None:
        """Begin to; nothing happens where it is gone, or another one has its name. With a ``grace_s`` of
        zero it is gone at once, whatever its node says."""
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        if resource == "jobs":
            body["propagationPolicy"] = "Foreground"  # the Job is there until its pods are gone
        elif grace_s is not None:
            body["gracePeriodSeconds"] = round(grace_s)
        try:
            self._json("DELETE", "delete", resource, name, namespace=namespace, body=body)
        except _Refused as e:
            if e.status != 409:
                _only_absent(e, f"{resource} {name} cannot be deleted")

    def give(self, resource: str, name: str, owner: Mapping[str, Any]) -> None:
        """Let it be deleted with ``owner``, a Pod or a Job; nothing happens where it is gone."""
        whose = {key: owner["metadata"][key] for key in ("name", "uid")}
        api = "batch/v1" if "template" in owner["spec"] else "v1"
        kind = "Job" if "template" in owner["spec"] else "Pod"
        meta = {"ownerReferences": [{"apiVersion": api, "kind": kind, **whose}]}
        try:
            self._json("PATCH", "patch", resource, name, body={"metadata": meta})
        except _Refused as e:
            _only_absent(e, f"{resource} {name} cannot be changed")

    def pods_of(self, job: str, namespace: str) -> list[dict[str, Any]]:
        """Of a Job, oldest first."""
        return self._items("pods", namespace, ("labelSelector", f"job-name={job}"))

    def listed(self, resource: str) -> list[dict[str, Any]]:
        """All of the namespace, or of the cluster where it has none."""
        return self._items(resource, self.namespace)

    def events(self, uid: str, namespace: str) -> list[dict[str, Any]]:
        """About one object. Without the right to list events there is one, which says so."""
        try:
            return self._items("events", namespace, ("fieldSelector", f"involvedObject.uid={uid}"))
        except ConfigError as e:
            return [{"reason": "Events", "message": str(e)}]

    def lines(self, pod: str, namespace: str, container: str) -> Iterator[str]:
        """What the container printed until now."""
        import urllib3

        query = [("container", container)]
        try:
            answer = self._call("GET", "get", "pods", f"{pod}/log", namespace=namespace, query=query)
        except _Refused:  # gone, or it never started
            return
        rest = b""
        try:
            for part in answer.stream(65536):
                *whole, rest = (rest + part).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
        except urllib3.exceptions.HTTPError as e:
            raise TransientError(f"the log of pod {pod} broke off: {e}") from e
        finally:
            answer.release_conn()
        if rest:
            yield rest.decode(errors="replace")

    def _items(self, resource: str, namespace: str, *query: tuple[str, str]) -> list[dict[str, Any]]:
        try:
            found = self._json("GET", "list", resource, namespace=namespace, query=list(query))
        except _Refused as e:
            raise ConfigError(f"{resource} cannot be listed: {e.message}; {_cure(e, namespace)}") from e
        return sorted(found["items"], key=lambda item: str(item["metadata"].get("creationTimestamp")))

    def _json(self, method: str, verb: str, resource: str, name: str = "", **more: Any) -> dict[str, Any]:
        answer = self._call(method, verb, resource, name, **more)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def _call(
        self,
        method: str,
        verb: str,
        resource: str,
        name: str = "",
        *,
        namespace: str | None = None,
        body: Any = None,
        query: list[tuple[str, str]] | None = None,
        again: bool = True,
    ) -> Any:
        """:raises _Refused: 400, 404, 409, 422"""
        import urllib3

        space = "" if resource == "nodes" else namespace or self.namespace
        where = f"/namespaces/{space}/{resource}" if space else f"/{resource}"
        path = _ROOTS.get(resource, "/api/v1") + where + (f"/{name}" if name else "")
        try:
            answer = self._request(path, method, body, query)
            if 200 <= answer.status < 300:
                return answer
            said = _said(answer)
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise TransientError(
                f"cannot {verb} {resource}: the cluster of {self.access} does not answer ({e})"
            ) from e
        if answer.status == 401 and again:
            forget(self.access)
            return self._call(
                method, verb, resource, name, namespace=namespace, body=body, query=query, again=False
            )
        doing = f"{verb} {resource}" + (f" in namespace {space!r}" if space else "")
        raise _meaning(answer.status, said, doing, self.access)

    def _request(self, path: str, method: str, body: Any, query: list[tuple[str, str]] | None) -> Any:
        """By the connections and credentials of the official client, whose own calls differ between 36 and
        37. Who waits asks again by itself: urllib3 would too, with three warnings in the task's log."""
        import urllib3

        made = client(self.access)[0]
        credentials = made.configuration.auth_settings().values()
        return made.rest_client.pool_manager.request(
            method,
            f"{made.configuration.host}{path}" + (f"?{urlencode(query)}" if query else ""),
            headers={
                **made.default_headers,
                "Accept": "application/json",
                "Content-Type": _MERGE if method == "PATCH" else "application/json",
                **{one["key"]: one["value"] for one in credentials if one["value"]},
            },
            body=None if body is None else json.dumps(body),
            preload_content=False,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        )


def _meaning(status: int, said: str, doing: str, access: Access) -> Exception:
    if status in (400, 404, 409, 422):
        return _Refused(status, said)
    if status == 403 and "exceeded quota" not in said:
        if "violates PodSecurity" in said or "is forbidden: User" not in said:
            return ConfigError(f"the cluster forbids to {doing}: {said}; correct the step or its target")
        return Forbidden(
            f"may not {doing}: {said}; give that account a Role with this verb on this resource there"
        )
    if status == 401:
        return ConfigError(f"the cluster does not take the credentials of {access}: {said}; renew them")
    return TransientError(f"cannot {doing} now: the cluster says {status} {said}")


def _said(answer: Any) -> str:
    body = answer.data.decode(errors="replace")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body or str(answer.reason)


def _only_absent(refused: _Refused, what: str) -> None:
    if refused.status != 404:
        raise ConfigError(f"{what}: {refused.message}; this is not expected of a cluster") from refused


def _cure(refused: _Refused, namespace: str) -> str:
    if refused.status == 404:
        return f"create namespace {namespace!r}, or name another in the target"
    return "correct the step or its target"
