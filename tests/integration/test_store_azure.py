"""The Azure store against azurite, Microsoft's emulator: signatures and conditions are enforced."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import urllib.request
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.cloud_contract import CloudStoreContract, Service
from fakes.proxy import wait_for
from lading_runner.errors import ContractError, StoreForbidden
from lading_runner.store import open_object_store
from lading_testkit import require_service

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The emulator's published account, the same everywhere.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"


def installed() -> Path | None:
    """The emulator's script, installed into the cache on first use; None where that cannot be done."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "lading-tests" / "azurite"
    script = cache / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not script.exists() and shutil.which("npm") is not None:
        cache.mkdir(parents=True, exist_ok=True)
        argv = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(cache), "azurite"]
        subprocess.run(argv, check=False, timeout=240, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return script if script.exists() and shutil.which("node") is not None else None


def create_container(endpoint: str, name: str) -> None:
    date = formatdate(usegmt=True)
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    signed = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{VERSION}\n{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": VERSION,
        "Authorization": f"SharedKey {ACCOUNT}:{signature}",
    }
    url = f"{endpoint}/{name}?restype=container"
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers, method="PUT"), timeout=30
    ) as answer:
        assert answer.status == 201


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = installed()
    require_service("azurite", script is not None, "it needs node, and npm to install it once")
    pytest.importorskip("obstore")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [
        "node",
        str(script),
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
    ]
    folder = tmp_path_factory.mktemp("azurite")
    server = subprocess.Popen([*argv, "--blobPort", str(port)], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        create_container(endpoint, "lading")
        yield endpoint
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.service("azurite")
class TestAzure(CloudStoreContract):
    absent_bucket = "az://no-such-container"

    @pytest.fixture
    def service(self, azurite: str) -> Service:
        return Service("az://lading", azurite, {"account_name": ACCOUNT, "account_key": KEY})

    def test_a_wrong_key_is_forbidden_and_not_shown(self, service: Service) -> None:
        wrong = base64.b64encode(b"s3cr3t" * 10).decode()
        store = service.open("x", account_key=wrong)
        with pytest.raises(StoreForbidden, match="credentials") as caught:
            store.write("k", b"")
        assert wrong not in str(caught.value)

    def test_a_signature_in_the_query_is_not_shown(self, azurite: str) -> None:
        options = {"account_name": ACCOUNT, "endpoint": azurite, "sas_key": "sv=2021-08-06&sr=c&sig=s3cr3t"}
        with pytest.raises(StoreForbidden) as caught:
            open_object_store("az://lading/x", options).read("k")
        assert "s3cr3t" not in str(caught.value)

    def test_an_abfss_url_names_container_and_account(self, azurite: str, service: Service) -> None:
        service.open("shared").write("k", b"v")
        url = f"abfss://lading@{ACCOUNT}.dfs.core.windows.net/shared"
        assert open_object_store(url, {"account_key": KEY, "endpoint": azurite}).read("k") == b"v"

    @pytest.mark.parametrize("url", ["abfss://lading/x", "abfss://account.dfs.core.windows.net/x", "az:///x"])
    def test_an_azure_url_without_its_parts_is_refused(self, url: str) -> None:
        with pytest.raises(ContractError, match="expected"):
            open_object_store(url)
