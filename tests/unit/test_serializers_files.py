"""Files and folders: what is kept of them, and that no archive writes outside of its folder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers import archive, scratch
from lading_runner.serializers.files import DirectorySerializer, safe_name
from lading_runner.store.blobs import MemoryBlob

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


def kept(value, store):
    return values.load(values.save(value, store), store)


def test_a_file_keeps_its_bytes_name_and_executable_bit_and_nothing_else(tmp_path, store):
    path = tmp_path / "model v1.onnx"
    path.write_bytes(b"\0" * 10)
    ref = values.save(path, store)
    os.utime(path, (0, 0))
    path.chmod(0o600)
    assert values.save(path, store) == ref
    assert dict(ref.meta) == {"name": "model v1.onnx"}
    back = values.load(ref, store)
    assert (back.name, back.read_bytes()) == ("model v1.onnx", b"\0" * 10)
    path.chmod(0o700)
    assert os.access(kept(path, store), os.X_OK)


def test_each_reader_gets_its_own_copy(tmp_path, store):
    path = tmp_path / "a"
    path.write_text("kept")
    ref = values.save(path, store)
    values.load(ref, store).write_text("changed")
    assert values.load(ref, store).read_text() == "kept"


def test_copies_are_gone_when_the_process_has_ended_and_a_child_leaves_them():
    script = """
import os
from lading_runner.serializers import scratch
mine = scratch.new_folder()
child = os.fork()
if child == 0:
    theirs = scratch.new_folder()
    import atexit
    atexit._run_exitfuncs()
    os._exit(0 if mine.exists() and not theirs.exists() else 1)
assert os.waitpid(child, 0)[1] == 0
print(mine, mine.exists())
"""
    env = {**os.environ, "PYTHONPATH": "provider/src"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, text=True
    )
    folder, was_there = run.stdout.split()
    assert was_there == "True"
    assert not Path(folder).exists()


def test_a_folder_of_others_cannot_be_read_by_others():
    assert scratch.new_folder().stat().st_mode & 0o077 == 0


def test_a_folder_depends_on_names_content_and_executable_bits_alone(tmp_path, store):
    digests = set()
    for name, order in (("one", (1, 2)), ("two", (2, 1))):
        folder = tmp_path / name / "same"
        folder.mkdir(parents=True)
        for i in order:
            (folder / f"{i}.txt").write_text(str(i))
            os.utime(folder / f"{i}.txt", (i, i))
        (folder / "1.txt").chmod(0o640 if name == "one" else 0o604)
        digests.add(values.save(folder, store).digest)
    assert len(digests) == 1
    (folder / "1.txt").chmod(0o755)
    assert values.save(folder, store).digest not in digests


def test_the_archive_names_nobody_and_no_time(store):
    ref = values.save(samples.SAMPLES["directory_tree"](), store)
    with tarfile.open(fileobj=store.blob(ref).open()) as tar:
        members = tar.getmembers()
    assert [m.name for m in members][:2] == ["empty", "run.sh"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}


def link(folder):
    (folder / "link").symlink_to("/etc/passwd")


def pipe(folder):
    os.mkfifo(folder / "pipe")


def cases(folder):
    (folder / "Read.me").touch()
    (folder / "read.me").touch()


def accents(folder):
    (folder / "\u00e9").touch()
    (folder / "e\u0301").touch()


def bytes_name(folder):
    (folder / os.fsdecode(b"\xff")).touch()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (link, "'link' in folder is a link"),
        (pipe, "'pipe' in folder is no regular file"),
        (cases, "'Read.me' and 'read.me' in folder are one name"),
        (accents, "are one name on some systems"),
        (bytes_name, "is not UTF-8"),
        (lambda folder: (folder / "a\\b").touch(), "has a backslash"),
    ],
)
def test_a_folder_that_would_not_come_back_elsewhere_is_refused(make, message, tmp_path, store):
    make(tmp_path)
    with pytest.raises(SerializationError, match=message):
        values.save(tmp_path, store)


def test_a_path_to_nothing_is_refused_with_the_cure(tmp_path, store):
    with pytest.raises(SerializationError, match=r"'.*/absent' does not exist; .* return str\(path\)"):
        values.save(tmp_path / "absent", store)
    pipe(tmp_path)
    with pytest.raises(SerializationError, match="is no regular file"):
        values.save(tmp_path / "pipe", store)


def test_an_unreadable_folder_is_refused_and_not_taken_for_an_empty_one(tmp_path, store):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(SerializationError, match="cannot be read"):
        values.save(tmp_path, store)


def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, kind, extra in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            data = b""
            if kind == tarfile.REGTYPE:
                data = b"x" * 10
                entry.size = 10
            for key, item in extra.items():
                setattr(entry, key, item)
            file.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def lying():
    entry = tarfile.TarInfo("a")
    entry.size = 1 << 40
    return entry.tobuf() + bytes(2048)


REG, DIR, SYM, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
EVIL = {
    "absolute": tar(("/tmp/lading-evil", REG, {})),
    "parent": tar(("../lading-evil", REG, {})),
    "parent inside": tar(("a", DIR, {}), ("a/../../lading-evil", REG, {})),
    "dot": tar(("./a", REG, {})),
    "empty part": tar(("a//b", REG, {})),
    "backslash": tar(("..\\lading-evil", REG, {})),
    "symbolic link": tar(("a", SYM, {"linkname": ".."})),
    "hard link": tar(("a", REG, {}), ("b", HARD, {"linkname": "a"})),
    "through a link": tar(("a", SYM, {"linkname": "/tmp"}), ("a/lading-evil", REG, {})),
    "device": tar(("null", tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3})),
    "pipe": tar(("pipe", tarfile.FIFOTYPE, {})),
    "twice": tar(("a", REG, {}), ("a", REG, {})),
    "case": tar(("a", REG, {}), ("A", REG, {})),
    "accent": tar(("\u00e9", REG, {}), ("e\u0301", REG, {})),
    "file as folder": tar(("a", REG, {}), ("a/b", REG, {})),
    "no folder": tar(("a/b", REG, {})),
    "contiguous": tar(("a", tarfile.CONTTYPE, {})),
    "no tar": b"x" * 2048,
    "cut": tar(("a", REG, {}))[:515],
    "size that lies": lying(),
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_archive_is_refused_and_writes_nothing_outside(name, tmp_path):
    target = tmp_path / "deep" / "target"
    target.mkdir(parents=True)
    outside = set(Path("/tmp").glob("lading-evil*"))
    with pytest.raises(ArtifactUndecodable):
        archive.unpack(io.BytesIO(EVIL[name]), target, len(EVIL[name]))
    assert not (set(Path("/tmp").glob("lading-evil*")) - outside)
    assert [path for path in tmp_path.rglob("*") if target not in path.parents] == [tmp_path / "deep", target]
    assert not any(path.is_symlink() for path in target.rglob("*"))
    with pytest.raises(ArtifactUndecodable):
        DirectorySerializer().load(MemoryBlob(EVIL[name]), {})


def test_an_archive_that_claims_more_than_it_has_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ArtifactUndecodable, match="claim more than its own"):
        archive.unpack(io.BytesIO(lying()), tmp_path, len(lying()))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        ("C:\\x\\model.bin", "model.bin"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("what?.csv", "what_.csv"),
        ("漢 é.tar.gz", "漢 é.tar.gz"),
        (os.fsdecode(b"\xff.bin"), "_.bin"),
        (".env", ".env"),
    ],
)
def test_a_stored_name_is_made_safe(name, safe):
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_suffix():
    assert safe_name("n" * 300 + ".parquet") == "n" * 112 + ".parquet"
    assert len(safe_name("漢" * 300 + ".bin").encode()) <= 120


def test_a_name_in_a_forged_reference_cannot_lead_elsewhere(store, tmp_path):
    path = tmp_path / "a"
    path.write_text("x")
    ref = values.save(path, store)
    forged = type(ref)(ref.digest, ref.size, ref.format, ref.type, {"name": "../../evil"})
    assert values.load(forged, store).name == "evil"
