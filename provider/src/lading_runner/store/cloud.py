"""Objects in S3, GCS and Azure through obstore, the one Python client that serves all three with conditional
writes and streamed uploads."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
import time
import uuid
from typing import Any, BinaryIO, Callable, Iterator, Mapping, Optional, cast

from lading_runner.errors import StoreError, StoreUnavailable
from lading_runner.store.base import Stat
from lading_runner.store.cloud_errors import bucket_is_absent, may_be_tried_again, native_reason, typed_answer
from lading_runner.store.errnos import typed
from lading_runner.store.keys import check_key, check_prefix

#: Up to here an artifact goes in one conditional request; above, in parts of at least ``_PART`` bytes.
ONE_REQUEST = 16 << 20
_PART = 8 << 20
_PARTS_AT_ONCE = 4  # so at most 32 MiB on the way
_MOST_PARTS = 9000  # S3 ends at 10,000
_TRIES = 5
_PATIENCE_S = 40.0  # no new try after that
_READ_CHUNK = 4 << 20

_NONCE = "nonce"  # object metadata: which call created the object
_SHA256 = "sha256"  # object metadata: what the content hashed to when it was stored

_Accepts = Callable[[Mapping[str, Any], int], bool]  # object metadata, size in bytes


class CloudStore:
    """``client`` asks again by itself, ``once`` does not: a conditional write whose answer may have been lost
    is repeated here, where a nonce in the object's metadata tells our own success from another's."""

    def __init__(self, root: str, client: Any, once: Any) -> None:
        self.root = root
        self._client = client
        self._once = once

    def read(self, key: str) -> bytes:
        import obstore

        with self._errors("cannot read", key):
            return bytes(obstore.get(self._client, check_key(key)).bytes())

    def open(self, key: str) -> BinaryIO:
        import obstore

        with self._errors("cannot read", key):
            answer = obstore.get(self._client, check_key(key))
        return cast(BinaryIO, io.BufferedReader(_Stream(self, key, answer), 1 << 16))

    def write(self, key: str, data: bytes) -> None:
        import obstore

        with self._errors("cannot write", key, writing=True):
            obstore.put(self._client, check_key(key), data, use_multipart=False)

    def create(self, key: str, data: bytes) -> bool:
        nonce = uuid.uuid4().hex
        return self._create(key, lambda: data, {_NONCE: nonce}, lambda found, _: found.get(_NONCE) == nonce)

    def stat(self, key: str) -> Optional[Stat]:
        import obstore

        try:
            with self._errors("cannot look at", key):
                return _stat(obstore.head(self._client, check_key(key)))
        except KeyError:
            return None

    def list(self, prefix: str) -> Iterator[Stat]:
        check_prefix(prefix)
        return self._listed(prefix)

    def delete(self, key: str) -> None:
        import obstore

        with contextlib.suppress(KeyError), self._errors("cannot delete", key):
            obstore.delete(self._client, check_key(key))

    def local_path(self, key: str) -> Optional[str]:
        return None

    def spool(self) -> BinaryIO:
        """A new, empty, unbuffered file without a name, for ``take``."""
        try:
            return cast(BinaryIO, tempfile.TemporaryFile(buffering=0, prefix="lading-"))
        except OSError as e:
            raise typed(e, "cannot write a temporary file", tempfile.gettempdir()) from e

    def take(self, spooled: BinaryIO, key: str, sha256: str) -> None:
        """Uploads the spooled file, unless the storage still holds what an earlier ``take`` put there."""
        size = os.fstat(spooled.fileno()).st_size
        attributes = {_SHA256: sha256}

        def intact(found: Mapping[str, Any], stored: int) -> bool:
            return stored == size and found.get(_SHA256) == sha256

        def content() -> bytes:
            return os.pread(spooled.fileno(), size, 0)

        if size <= ONE_REQUEST:
            stored = self._create(key, content, attributes, intact)
        else:
            stored = self._answers(key, intact) is True
        if not stored:
            self._replace(spooled, key, size, attributes)

    def drop(self, spooled: BinaryIO) -> None:
        spooled.close()

    def _create(
        self, key: str, content: Callable[[], bytes], attributes: Mapping[str, str], accepts: _Accepts
    ) -> bool:
        """True if the object is new, or ``accepts`` the one that is there."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        check_key(key)
        for wait_s in _waits():
            try:
                with self._errors("cannot create", key, writing=True, passing=(BaseError,)):
                    obstore.put(self._once, key, content(), mode="create", attributes=attributes)
                return True
            except (AlreadyExistsError, PreconditionError) as e:
                accepted = self._answers(key, accepts)
                if accepted is not None:
                    return accepted
                failure: Exception = e  # there, and gone again: nobody has it
            except BaseError as e:
                if not may_be_tried_again(e):
                    raise typed_answer(e, f"cannot create {key!r}", self.root) from e
                failure = e
            time.sleep(wait_s)
        raise StoreUnavailable(
            f"cannot create {key!r} in {self.root}: {native_reason(failure)}; it was tried {_TRIES} times "
            f"or for {_PATIENCE_S:.0f} s, and may have been written; check the endpoint and the network, "
            f"then try again"
        ) from failure

    def _answers(self, key: str, accepts: _Accepts) -> Optional[bool]:
        """What ``accepts`` says of the object; None if there is none."""
        import obstore

        try:
            with self._errors("cannot look at", key):
                found = obstore.get(self._client, check_key(key), options={"head": True})
                return accepts(found.attributes, found.meta["size"])
        except KeyError:
            return None

    def _replace(self, spooled: BinaryIO, key: str, size: int, attributes: Mapping[str, str]) -> None:
        import obstore

        spooled.seek(0)
        with self._errors("cannot write", key, writing=True):
            obstore.put(
                self._client,
                key,
                spooled,
                attributes=attributes,
                use_multipart=size > ONE_REQUEST,
                chunk_size=max(_PART, -(-size // _MOST_PARTS)),
                max_concurrency=_PARTS_AT_ONCE,
            )

    def _listed(self, prefix: str) -> Iterator[Stat]:
        import obstore

        # obstore matches whole path parts only
        with self._errors("cannot list", prefix):
            for page in obstore.list(self._client, prefix.rpartition("/")[0] or None):
                yield from (_stat(meta) for meta in page if meta["path"].startswith(prefix))

    @contextlib.contextmanager
    def _errors(
        self, doing: str, key: str, *, writing: bool = False, passing: tuple[type[Exception], ...] = ()
    ) -> Iterator[None]:
        """Answers of the storage as store errors, but ``passing``; an absent object is ``KeyError``."""
        from obstore.exceptions import BaseError

        _check_fork()
        try:
            yield
        except passing:
            raise
        except FileNotFoundError as e:
            if writing or bucket_is_absent(e):
                raise typed_answer(e, f"{doing} {key!r}", self.root) from e
            raise KeyError(key) from e
        except BaseError as e:
            raise typed_answer(e, f"{doing} {key!r}", self.root) from e


class _Stream(io.RawIOBase):
    """An answer's body as a file that cannot seek."""

    def __init__(self, store: CloudStore, key: str, answer: Any) -> None:
        self._store = store
        self._key = key
        self._chunks = iter(answer.stream(min_chunk_size=_READ_CHUNK))
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        while not self._rest:
            with self._store._errors("cannot read", self._key):
                chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _stat(meta: Mapping[str, Any]) -> Stat:
    return Stat(meta["path"], meta["size"], meta["last_modified"].timestamp())


def _waits() -> Iterator[float]:
    """Seconds to wait after each try that failed."""
    until = time.monotonic() + _PATIENCE_S
    for attempt in range(_TRIES):
        yield (0.2 * 3**attempt) * random.uniform(0.5, 1.0) if attempt < _TRIES - 1 else 0.0  # noqa: S311 -- jitter
        if time.monotonic() > until:
            return


_process: Optional[int] = None  # whose threads run obstore


def _check_fork() -> None:
    """obstore's threads do not survive a fork: a child that asks would wait for ever."""
    global _process  # noqa: PLW0603 -- as process-wide as the threads
    if _process is None:
        _process = os.getpid()
    if _process != os.getpid():
        raise StoreError(
            f"process {os.getpid()} was forked from {_process}, which had used cloud storage; expected one "
            f"process; start children with multiprocessing.get_context('spawn')"
        )
