"""The connection type ``lading`` through Airflow's own connection machinery."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lading.errors import ConfigError
from lading.hooks.artifact_store import ArtifactStoreHook
from lading_runner.errors import ArtifactMissing, ContractError

if TYPE_CHECKING:
    from pathlib import Path


def connect(monkeypatch: pytest.MonkeyPatch, **fields: object) -> ArtifactStoreHook:
    monkeypatch.setenv("AIRFLOW_CONN_LADING_DEFAULT", json.dumps({"conn_type": "lading", **fields}))
    return ArtifactStoreHook()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ArtifactStoreHook:
    return connect(monkeypatch, host=(tmp_path / "a store").as_uri())


def test_a_connection_opens_its_store(hook: ArtifactStoreHook) -> None:
    digest, _ = hook.get_conn().put_bytes(b"bytes")
    with hook.open(digest) as file:
        assert file.read() == b"bytes"
    assert [stat.key.rpartition("/")[2] for stat in hook.list("blobs/")] == [digest.removeprefix("sha256:")]
    with pytest.raises(ArtifactMissing):
        hook.open("sha256:" + "0" * 64)


def test_values_go_in_and_out(hook: ArtifactStoreHook) -> None:
    ref = hook.put({"accuracy": 0.97})
    assert hook.load(ref) == {"accuracy": 0.97}
    assert hook.load(ref.digest) == {"accuracy": 0.97}


def test_a_connection_may_be_a_uri(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = str(tmp_path).replace("/", "%2F")
    monkeypatch.setenv("AIRFLOW_CONN_LADING_DEFAULT", f"lading://file%3A%2F%2F{host}")
    assert ArtifactStoreHook().test_connection() == (
        True,
        f"write, read, conditional create, list, delete work in file://{tmp_path}",
    )


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("s3://bucket", ("access_key_id", "secret_access_key")),
        ("az://box", ("account_name", "account_key")),
        ("abfss://box@account.dfs.core.windows.net/x", ("account_name", "account_key")),
        ("gs://bucket", (None, "service_account_key")),
    ],
)
def test_login_and_password_are_the_credentials_of_the_storage(
    monkeypatch: pytest.MonkeyPatch, host: str, names: tuple[str | None, str]
) -> None:
    extra = json.dumps({"endpoint": "http://127.0.0.1:1"})
    hook = connect(monkeypatch, host=host, login="me", password="s3cr3t", extra=extra)
    expected = {name: value for name, value in zip(names, ("me", "s3cr3t"), strict=True) if name}
    assert hook.options() == {**expected, "endpoint": "http://127.0.0.1:1"}


@pytest.mark.parametrize("host", ["", "bucket", "relative/path"])
def test_a_connection_without_a_url_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    hook = connect(monkeypatch, host=host)
    with pytest.raises(ConfigError, match="whole URL"):
        hook.get_conn()
    ok, message = hook.test_connection()
    assert not ok
    assert "whole URL" in message


def test_the_connection_test_names_the_failing_check_and_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "store").write_bytes(b"a file where the store should be")
    ok, message = connect(monkeypatch, host=str(tmp_path / "store")).test_connection()
    assert not ok
    assert message.startswith("write failed: ")
    assert str(tmp_path) in message


def test_a_wrong_option_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    hook = connect(monkeypatch, host="s3://bucket", login="me", password="s3cr3t", extra='{"reigon": "x"}')
    with pytest.raises(ContractError, match="reigon"):
        hook.get_conn()
    ok, message = hook.test_connection()
    assert not ok
    assert "s3cr3t" not in message
