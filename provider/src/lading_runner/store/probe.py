"""Does a store do what attempts need? Asked by the connection's test button and by ``lading doctor``."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Callable, Iterator, List, NamedTuple, Optional

from lading_runner.errors import StoreError, StoreForbidden, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from lading_runner.store.base import ObjectStore


class Check(NamedTuple):
    name: str  # "write", "read", "conditional create", "list", "delete"
    ok: bool
    detail: str  # what was seen
    cure: str  # what to do; empty where ok


_Step = Callable[["ObjectStore", str], Optional[str]]  # what is wrong, or None


def probe(store: ObjectStore) -> List[Check]:
    """One check per ability, in order, up to and with the first that fails; leaves nothing in the store."""
    key = f"probe/{uuid.uuid4().hex}"
    checks = list(_checks(store, key))
    if checks[0].ok and not checks[-1].ok:
        _tidy(store, key)
    return checks


def _checks(store: ObjectStore, key: str) -> Iterator[Check]:
    for name, step, cure in _STEPS:
        try:
            wrong = step(store, key)
        except StoreError as e:
            yield Check(name, False, str(e), _cure_of(e))
            return
        yield Check(name, wrong is None, wrong or f"{name} works in {store.root}", cure if wrong else "")
        if wrong is not None:
            return


def _write(store: ObjectStore, key: str) -> Optional[str]:
    store.write(key, b"first")
    store.write(key, b"second")
    return None


def _read(store: ObjectStore, key: str) -> Optional[str]:
    found = _content(store, key)
    return None if found == b"second" else f"wrote b'second' to {key}, read {found!r} back"


def _create(store: ObjectStore, key: str) -> Optional[str]:
    claim, body = key + "-claim", os.urandom(8).hex().encode()
    answers = [store.create(claim, body), store.create(claim, b"other")]
    found = _content(store, claim)
    if answers == [True, False] and found == body:
        return None
    return f"created {claim} twice: answers {answers}, content {found!r}; expected [True, False] and {body!r}"


def _list(store: ObjectStore, key: str) -> Optional[str]:
    found = [stat.key for stat in store.list(key)]
    return None if found == [key, key + "-claim"] else f"listing {key} gave {found}"


def _delete(store: ObjectStore, key: str) -> Optional[str]:
    for name in (key, key + "-claim"):
        store.delete(name)
        store.delete(name)
    left = [stat.key for stat in store.list(key)]
    return f"deleted, but {left} remain" if left else None


def _content(store: ObjectStore, key: str) -> Optional[bytes]:
    try:
        return store.read(key)
    except KeyError:
        return None


def _tidy(store: ObjectStore, key: str) -> None:
    for name in (key, key + "-claim"):
        try:
            store.delete(name)
        except StoreError:
            return


_CONSISTENT = "use a storage that reads its own writes; look for a cache or a gateway in front of it"
_CONDITIONAL = (
    "use a storage with conditional writes (If-None-Match, ifGenerationMatch, hard links); without them two "
    "jobs of one attempt may both run"
)
_STEPS = (
    ("write", _write, _CONSISTENT),
    ("read", _read, _CONSISTENT),
    ("conditional create", _create, _CONDITIONAL),
    ("list", _list, _CONSISTENT),
    ("delete", _delete, _CONSISTENT),
)
_CURES = (
    (
        StoreForbidden,
        "grant read, write, list and delete on the store, or correct its address and credentials",
    ),
    (StoreFull, "make room in the store, or raise its quota"),
    (StoreUnavailable, "check endpoint, region and network, then try again"),
)


def _cure_of(error: StoreError) -> str:
    return next(
        (cure for kind, cure in _CURES if isinstance(error, kind)), "look at the store's address and options"
    )
