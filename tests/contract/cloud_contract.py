"""What every cloud store must do beyond the common contract: lost answers, bounded time, bounded memory."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import lading_runner
from fakes.proxy import Fault, FaultyProxy
from lading.testing import StoreContract
from lading.testing.store import ref_of
from lading_runner.errors import ArtifactCorrupt, StoreForbidden, StoreUnavailable
from lading_runner.store import ArtifactStore, ObjectStore, open_object_store
from lading_runner.store.keys import blob_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = {"connect_timeout": "2s", "read_timeout": "1s"}


class Service(NamedTuple):
    """A running storage server."""

    url: str  # of the bucket, "s3://bucket"
    endpoint: str  # "http://127.0.0.1:1234" and whatever path the options need behind it
    options: dict[str, Any]
    endpoint_option: str = "endpoint"

    def open(self, folder: str, endpoint: str | None = None, **options: object) -> ObjectStore:
        named = {self.endpoint_option: endpoint or self.endpoint}
        return open_object_store(f"{self.url}/{folder}", {**self.options, **named, **options})


class CloudStoreContract(StoreContract):
    absent_bucket: str  # URL of a bucket that is not there

    @pytest.fixture
    def service(self) -> Service:
        raise NotImplementedError

    @pytest.fixture
    def objects(self, service: Service) -> ObjectStore:
        return service.open(f"a prefix/ü/{uuid.uuid4().hex}")

    @pytest.fixture
    def proxy(self, service: Service) -> Iterator[FaultyProxy]:
        proxy = FaultyProxy(service.endpoint)
        yield proxy
        proxy.close()

    @pytest.fixture
    def behind(self, service: Service, proxy: FaultyProxy) -> ObjectStore:
        """A store behind the proxy."""
        return service.open(uuid.uuid4().hex, moved(service.endpoint, proxy.url), client_options=QUICK)

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("PUT", "lose"),
            Fault("PUT", "status", 503, after=True),
            Fault("PUT", "status", 500),
            Fault("PUT", "status", 429),
        ],
    )
    def test_a_create_whose_answer_was_lost_wins(
        self, behind: ObjectStore, proxy: FaultyProxy, fault: Fault
    ) -> None:
        proxy.faults = [fault]
        assert behind.create("claim", b"job 1")
        assert proxy.faults == []
        assert behind.read("claim") == b"job 1"
        assert not behind.create("claim", b"job 1")

    def test_a_loser_stays_a_loser_when_its_answer_is_lost(
        self, behind: ObjectStore, proxy: FaultyProxy
    ) -> None:
        assert behind.create("claim", b"same bytes")
        proxy.faults = [Fault("PUT", "lose"), Fault("PUT", "status", 503)]
        assert not behind.create("claim", b"same bytes")
        assert proxy.faults == []

    def test_an_artifact_whose_answers_are_lost_is_stored_once(
        self, behind: ObjectStore, proxy: FaultyProxy
    ) -> None:
        store = ArtifactStore(behind)
        proxy.faults = [Fault("PUT", "lose"), Fault("PUT", "lose")]
        digest, size = store.put_bytes(b"content")
        assert proxy.faults == []
        assert store.blob(ref_of(digest, size)).read() == b"content"

    def test_an_artifact_that_is_there_is_not_sent_again(
        self, behind: ObjectStore, proxy: FaultyProxy
    ) -> None:
        data = os.urandom(17 << 20)
        digest = ArtifactStore(behind).put_bytes(data)
        proxy.seen.clear()
        assert ArtifactStore(behind).put_bytes(data) == digest
        assert set(proxy.seen) <= {"HEAD", "GET"}

    def test_a_read_is_repeated_through_passing_trouble(
        self, behind: ObjectStore, proxy: FaultyProxy
    ) -> None:
        behind.write("k", b"v" * 1000)
        proxy.faults = [Fault("GET", "lose"), Fault("GET", "status", 503), Fault("GET", "status", 500)]
        assert behind.read("k") == b"v" * 1000
        assert proxy.faults == []

    def test_a_cut_answer_is_never_a_value(self, behind: ObjectStore, proxy: FaultyProxy) -> None:
        store = ArtifactStore(behind)
        data = os.urandom(1 << 20)
        ref = ref_of(*store.put_bytes(data))
        proxy.always = Fault("GET", "cut")
        with pytest.raises((StoreUnavailable, ArtifactCorrupt)):
            store.blob(ref)
        proxy.always = None
        assert store.blob(ref).read() == data

    @pytest.mark.parametrize(
        ("fault", "attempt"),
        [
            (Fault("*", "status", 503), lambda store: store.read("k")),
            (Fault("*", "lose"), lambda store: store.create("k", b"")),
            (Fault("*", "hang"), lambda store: ArtifactStore(store).put_bytes(b"x")),
        ],
        ids=["always 503", "no answer ever", "hanging"],
    )
    def test_trouble_that_stays_is_a_typed_error_in_bounded_time(
        self, behind: ObjectStore, proxy: FaultyProxy, fault: Fault, attempt: Callable[[ObjectStore], object]
    ) -> None:
        proxy.always = fault
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            attempt(behind)
        assert time.monotonic() - begun < 60
        assert behind.root in str(caught.value)
        assert "try again" in str(caught.value)

    def test_an_endpoint_where_nobody_listens_is_unavailable(self, service: Service) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
            store = service.open("x", moved(service.endpoint, nobody))
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable, match="endpoint"):
                store.create("k", b"")
        assert time.monotonic() - begun < 60

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refusal_is_forbidden_and_not_repeated(
        self, behind: ObjectStore, proxy: FaultyProxy, status: int
    ) -> None:
        proxy.always = Fault("*", "status", status)
        for attempt in (
            lambda: behind.read("k"),
            lambda: behind.write("k", b""),
            lambda: behind.create("k", b""),
            lambda: list(behind.list("k")),
        ):
            with pytest.raises(StoreForbidden, match="credentials"):
                attempt()
        assert len(proxy.seen) == 4

    def test_a_bucket_that_is_absent_is_said_so(self, service: Service) -> None:
        store = service._replace(url=self.absent_bucket).open("x")
        for attempt in (
            lambda: store.read("k"),
            lambda: store.write("k", b""),
            lambda: store.create("k", b""),
            lambda: list(store.list("")),
            lambda: ArtifactStore(store).put_bytes(bytes(17 << 20)),
        ):
            with pytest.raises(StoreForbidden, match="create it"):
                attempt()

    def test_a_streamed_put_stays_within_its_memory(self, service: Service) -> None:
        """160 MiB, of which the writer holds 1 MiB at a time."""
        code = (
            "import json, sys; from lading_runner.store import ArtifactStore, open_object_store\n"
            "def peak(): return int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024\n"
            "url, options = json.loads(sys.stdin.read())\n"
            "store = ArtifactStore(open_object_store(url, options))\n"
            "store.put_bytes(b'warm')\n"
            "part, before = bytes(range(256)) * 4096, peak()\n"
            "def write(file): [file.write(part) for _ in range(160)]\n"
            "print(*store.put(write), peak() - before)\n"
        )
        url = f"{service.url}/{uuid.uuid4().hex}"
        options = {**service.options, service.endpoint_option: service.endpoint}
        ran = subprocess.run(
            [sys.executable, "-c", code], input=json.dumps([url, options]), capture_output=True, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(Path(lading_runner.__file__).parents[1])},
        )  # fmt: skip
        assert ran.stderr == ""
        digest, size, grown_mib = ran.stdout.split()
        assert int(size) == 160 << 20
        assert int(grown_mib) <= 64
        stored = open_object_store(url, options).stat(blob_key(digest))
        assert stored is not None
        assert stored.size == 160 << 20

    def test_a_forked_child_is_told_instead_of_waiting_for_ever(self, objects: ObjectStore) -> None:
        objects.write("k", b"v")
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                objects.read("k")
                os.write(send, b"read")
            except Exception as e:
                os.write(send, str(e).encode())
            finally:
                os._exit(0)
        os.close(send)
        answered, _, _ = select.select([receive], [], [], 20)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(receive) as answer:
            assert answered
            assert "spawn" in answer.read()


def moved(endpoint: str, to: str) -> str:
    """``endpoint`` with scheme, host and port of ``to``."""
    path = endpoint.removeprefix("http://").partition("/")[2]
    return f"{to}/{path}" if path else to
