"""The S3 store against moto's server: the real protocol, conditional writes enforced."""

from __future__ import annotations

import urllib.request

import pytest

from contract.cloud_contract import CloudStoreContract, Service
from lading_runner.errors import StoreForbidden
from lading_runner.store import open_object_store

KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "not-a-secret", "region": "us-east-1"}


def call(method: str, url: str, body: bytes | None = None) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


@pytest.mark.service("moto")
class TestS3(CloudStoreContract):
    absent_bucket = "s3://no-such-bucket"

    @pytest.fixture
    def service(self, moto: str) -> Service:
        return Service("s3://lading", moto, KEYS)

    def test_wrong_keys_are_forbidden_and_not_shown(self, service: Service, moto: str) -> None:
        call("POST", f"{moto}/moto-api/reset-auth", b"0")  # from now on, moto checks keys and signatures
        try:
            store = service.open("x", secret_access_key="s3cr3t-key")
            with pytest.raises(StoreForbidden, match="credentials") as caught:
                store.write("k", b"")
        finally:
            call("POST", f"{moto}/moto-api/reset-auth", b"inf")
        assert "s3cr3t-key" not in str(caught.value)

    def test_credentials_may_come_from_the_environment(
        self, moto: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        objects = open_object_store("s3://lading/from-environment")
        objects.write("k", b"v")
        assert objects.read("k") == b"v"
