from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lading.cli import main
from lading.lineage import log
from lading_runner.contract import ArtifactRef
from lading_runner.store import ArtifactStore, open_object_store
from lineage_samples import by, event, ref

if TYPE_CHECKING:
    from pathlib import Path

BINARY, TEXT = bytes(range(256)), "größe\n\tline two\n".encode()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """With a binary and a text artifact, a value of an XCom row, and bytes that no event speaks of."""
    root = tmp_path / "store"
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LADING_STORE", root.as_uri())
    artifacts = ArtifactStore(open_object_store(root.as_uri()))
    outputs = {
        "model": put(artifacts, BINARY, "sklearn.Ridge", "skops"),
        "page": put(artifacts, TEXT, "str", "text"),
        "inline": ref("small"),
        "risky": put(artifacts, b"pickled", "odd.Thing", "pickle"),
    }
    log.append(event("make", outputs=outputs), artifacts.objects)
    page = (outputs["page"], by("make", key="page"))
    log.append(event("use", n=2, at_s=1, inputs={"page": page}), artifacts.objects)
    artifacts.put_bytes(b"nobody knows me")
    return artifacts


def put(store: ArtifactStore, data: bytes, type_: str, format_: str) -> ArtifactRef:
    digest, size = store.put_bytes(data)
    return ArtifactRef(digest, size, format_, type_)


def digest_of(store: ArtifactStore, data: bytes) -> str:
    return store.put_bytes(data)[0]


def run(*argv: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "lading.cli", *argv], capture_output=True, check=False, **more
    )


def test_the_list_is_filtered(store: ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    def names(*argv: str) -> list[str]:
        assert main(["artifacts", "list", "--json", *argv]) == 0
        return sorted(item["producer"]["key"] for item in json.loads(capsys.readouterr().out)["artifacts"])

    assert names() == ["inline", "model", "page", "risky"]
    assert names("--type", "SKLEARN") == ["model"]
    assert names("--type", "text") == ["page"]
    assert names("--dag", "digits", "--run", "latest") == ["inline", "model", "page", "risky"]
    assert len(names("--limit", "2")) == 2


def test_an_empty_list_is_a_failure_that_says_where_it_looked(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["artifacts", "list", "--dag", "nope"]) == 1
    assert store.root in capsys.readouterr().err
    assert main(["artifacts", "list", "--dag", "nope", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["artifacts"] == []


def test_pickles_are_marked(store: ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    main(["artifacts", "list"])
    assert "pickle! odd.Thing" in capsys.readouterr().out


def test_facts_name_producers_and_consumers(store: ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "show", digest_of(store, TEXT)[7:], "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["in_store"], data["artifact"]["format"]) == (True, "text")
    assert [p["task_id"] for p in data["producers"]] == ["make"]
    assert [c["task_id"] for c in data["consumers"]] == ["use"]


def test_bytes_that_no_event_speaks_of_can_be_found(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = digest_of(store, b"nobody knows me")
    assert main(["artifacts", "show", digest[:15]]) == 0
    assert "no lineage event" in capsys.readouterr().out
    assert run("artifacts", "get", digest).stdout == b"nobody knows me"
    assert main(["lineage", "trace", digest]) == 0
    assert capsys.readouterr().out.count("nothing that is in the log") == 2


def test_bytes_go_into_a_pipe_or_a_file_unchanged(store: ArtifactStore, tmp_path: Path) -> None:
    digest = digest_of(store, BINARY)
    assert run("artifacts", "get", digest).stdout == BINARY
    file = tmp_path / "model.skops"
    assert main(["artifacts", "get", digest, "-o", str(file)]) == 0
    assert file.read_bytes() == BINARY
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["model.skops"]


def test_a_file_is_replaced_only_by_force(
    store: ArtifactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, digest = tmp_path / "x", digest_of(store, TEXT)
    file.write_bytes(b"mine")
    assert main(["artifacts", "get", digest, "-o", str(file)]) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_bytes() == b"mine"
    assert main(["artifacts", "get", digest, "-o", str(file), "--force"]) == 0
    assert file.read_bytes() == TEXT


def test_a_file_in_no_folder_is_an_error_with_a_cure(
    store: ArtifactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["artifacts", "get", digest_of(store, TEXT), "-o", str(tmp_path / "no" / "x")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_damaged_artifact_is_never_written(
    store: ArtifactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = digest_of(store, BINARY)
    blob = next((tmp_path / "store" / "blobs").rglob(digest[7:]))
    blob.chmod(0o644)
    blob.write_bytes(BINARY[:-1] + b"!")
    file = tmp_path / "out"
    assert main(["artifacts", "get", digest, "-o", str(file)]) == 1
    assert "digits" in capsys.readouterr().err
    assert not file.exists()


def test_a_value_of_an_xcom_row_says_where_it_is(
    store: ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["artifacts", "get", ref("small").digest]) == 1
    assert "XCom row" in capsys.readouterr().err


def on_a_terminal(*argv: str) -> tuple[int, bytes]:
    """Exit code and what a terminal would have been sent."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        child = subprocess.Popen(
            [sys.executable, "-m", "lading.cli", *argv], stdout=theirs, stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        sent = b""
        try:
            while data := screen.read(4096):
                sent += data
        except OSError:  # Linux says so when the other end is closed
            pass
        return child.wait(), sent


def test_a_terminal_gets_text_and_no_binary(store: ArtifactStore) -> None:
    assert on_a_terminal("artifacts", "get", digest_of(store, BINARY)) == (1, b"")
    assert on_a_terminal("artifacts", "get", digest_of(store, TEXT)) == (0, TEXT.replace(b"\n", b"\r\n"))


def test_text_that_would_steer_the_terminal_counts_as_binary(store: ArtifactStore) -> None:
    assert on_a_terminal("artifacts", "get", digest_of(store, b"hi\x1b[2J")) == (1, b"")
