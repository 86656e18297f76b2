"""An artifact store named by an Airflow connection of type ``lading``.

* Host: the whole URL of the store, ``s3://bucket/prefix``, ``gs://…``, ``az://…``, ``abfss://…``, ``file:///path``.
* Login and password: access key and secret key on S3, account name and account key on Azure; on Google the
  password is the JSON of a service account key.
* Extra: options of the storage client, JSON: ``{"endpoint": "http://minio:9000", "region": "eu-west-1"}``.

What a connection does not say is taken from the environment (instance roles, workload identity, ``AWS_…``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from airflow.exceptions import AirflowNotFoundException
from airflow.sdk import BaseHook

from lading.errors import ConfigError
from lading_runner.contract import ArtifactRef
from lading_runner.errors import RunnerError
from lading_runner.store import ArtifactStore, open_object_store
from lading_runner.store.probe import probe

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lading_runner.store import Stat

_CREDENTIALS = {
    "s3": ("access_key_id", "secret_access_key"),
    "az": ("account_name", "account_key"),
    "abfss": ("account_name", "account_key"),
    "gs": (None, "service_account_key"),
}


class ArtifactStoreHook(BaseHook):
    """Artifacts by digest, for any operator."""

    conn_name_attr = "lading_conn_id"
    default_conn_name = "lading_default"
    conn_type = "lading"
    hook_name = "Lading artifact store"

    def __init__(self, lading_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.lading_conn_id = lading_conn_id
        self._store: ArtifactStore | None = None

    def get_conn(self) -> ArtifactStore:
        """:raises ConfigError: there is no such connection, or it names no store
        :raises ContractError: its URL or its options are not understood
        """
        if self._store is None:
            self._store = ArtifactStore(open_object_store(self.url(), self.options()))
        return self._store

    def url(self) -> str:
        host = (self._connection().host or "").strip()
        if "://" not in host and not host.startswith("/"):
            raise ConfigError(
                f"connection {self.lading_conn_id!r} has the host {host!r}; expected the store's whole URL "
                f"there, such as s3://bucket/prefix or file:///srv/lading"
            )
        return host

    def options(self) -> dict[str, Any]:
        """Options of the storage client; they hold secrets."""
        connection = self._connection()
        found: dict[str, Any] = {}
        names = _CREDENTIALS.get(self.url().partition(":")[0], (None, None))
        for name, value in zip(names, (connection.login, connection.password), strict=True):
            if name and value:
                found[name] = value
        return {**found, **connection.extra_dejson}

    def load(self, artifact: ArtifactRef | str, *, allow_pickle: bool = False) -> Any:
        """The value of a ref, verified; or of a digest ``sha256:…``, whose format its first bytes tell."""
        from lading_runner import values

        store = self.get_conn()
        if isinstance(artifact, str):
            blob = store.blob_of(artifact)
            artifact = ArtifactRef(artifact, blob.size, values.sniff(blob), "unknown")
        return values.load(artifact, store, allow_pickle=allow_pickle)

    def put(self, value: Any, *, allow_pickle: bool = False) -> ArtifactRef:
        from lading_runner import values

        return values.save(value, self.get_conn(), allow_pickle=allow_pickle)

    def open(self, digest: str) -> BinaryIO:
        """Verified bytes as a file that can seek."""
        return self.get_conn().blob_of(digest).open()

    def list(self, prefix: str = "") -> list[Stat]:
        """Objects whose key begins with ``prefix``, in key order; blobs lie at ``blobs/sha256/``."""
        return [*self.get_conn().objects.list(prefix)]

    def test_connection(self) -> tuple[bool, str]:
        """Writes, reads, creates twice, lists and deletes a key under ``probe/``."""
        try:
            checks = probe(self.get_conn().objects)
        except (ConfigError, RunnerError) as e:
            return False, str(e)
        last = checks[-1]
        if last.ok:
            return True, f"{', '.join(check.name for check in checks)} work in {self.get_conn().root}"
        return False, f"{last.name} failed: {last.detail}; {last.cure}"

    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.lading_conn_id)
        except AirflowNotFoundException as e:
            raise ConfigError(
                f"Airflow has no connection {self.lading_conn_id!r}; expected one of type {self.conn_type!r} "
                "with the store's URL as its host; create it, or correct [lading] store"
            ) from e
