"""The Google store against a fake that enforces ``ifGenerationMatch``; Google's client against the fake."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from contract.cloud_contract import CloudStoreContract, Service
from fakes.gcs import TOKEN, FakeGCS
from lading.testing.store import at_once
from lading_runner.errors import StoreForbidden
from lading_runner.store import open_object_store
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def gcs() -> Iterator[FakeGCS]:
    server = FakeGCS("lading")
    yield server
    server.close()


class TestGCS(CloudStoreContract):
    absent_bucket = "gs://no-such-bucket"

    @pytest.fixture
    def service(self, gcs: FakeGCS) -> Service:
        pytest.importorskip("obstore")
        return Service("gs://lading", gcs.url, {"bearer_token": TOKEN}, endpoint_option="base_url")

    def test_a_wrong_token_is_forbidden_and_not_shown(self, service: Service) -> None:
        store = service.open("x", bearer_token="s3cr3t")
        with pytest.raises(StoreForbidden, match="credentials") as caught:
            store.write("k", b"")
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.service("google-cloud-storage")
def test_googles_own_client_finds_the_fake_faithful(gcs: FakeGCS, monkeypatch: pytest.MonkeyPatch) -> None:
    present = importlib.util.find_spec("google") and importlib.util.find_spec("google.cloud.storage")
    require_service("google-cloud-storage", bool(present), "install google-cloud-storage")
    from google.api_core.exceptions import NotFound, PreconditionFailed
    from google.cloud import storage
    from google.oauth2.credentials import Credentials

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    bucket = storage.Client(project="p", credentials=Credentials(TOKEN)).bucket("lading")

    def claim(number: int) -> bool:
        try:
            bucket.blob("google/claim ü").upload_from_string(str(number), if_generation_match=0)
        except PreconditionFailed:
            return False
        return True

    won = at_once(16, claim)
    assert won.count(True) == 1
    blob = bucket.blob("google/claim ü")
    assert blob.download_as_bytes() == str(won.index(True)).encode()
    blob.reload()
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"stale", if_generation_match=blob.generation - 1)
    blob.upload_from_string(b"next", if_generation_match=blob.generation)
    assert bucket.blob("google/claim ü").download_as_bytes(start=1, end=2) == b"ex"
    ours = open_object_store("gs://lading", {"bearer_token": TOKEN, "base_url": gcs.url})
    assert ours.read("google/claim ü") == b"next"
    assert not ours.create("google/claim ü", b"late")
    ours.write("google/ours", b"obstore's")
    assert [found.name for found in bucket.list_blobs(prefix="google/")] == ["google/claim ü", "google/ours"]
    assert bucket.blob("google/ours").download_as_bytes() == b"obstore's"
    blob.delete()
    with pytest.raises(NotFound):
        blob.delete()
    assert ours.stat("google/claim ü") is None
