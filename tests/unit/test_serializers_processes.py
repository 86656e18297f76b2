"""Serializers in processes of their own: third parties' ones, every Python at hand, what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifact_samples as samples
import lading_testkit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


COLOUR = """
class Colour:
    def __init__(self, name):
        self.name = name


class ColourSerializer:
    format = "acme-colour"

    def accepts(self, value):
        return isinstance(value, Colour)

    def dump(self, value, file):
        file.write(value.name.encode())

    def load(self, blob, meta):
        return Colour(blob.read().decode())

    def describe(self, value):
        return {"letters": len(value.name)}


class Thief(ColourSerializer):
    format = "json"
"""
USE = """
import sys, tempfile
from lading_runner import values
from lading_runner.errors import ArtifactUndecodable
from lading_runner.store import ArtifactStore, LocalStore
store = ArtifactStore(LocalStore(tempfile.mkdtemp()))
import acme
ref = values.save([acme.Colour("red"), b"x" * 5000], store)
red = values.elements(ref, store).refs[0][1]
print(red.format, red.type, dict(red.meta), values.load(ref, store)[0].name)
print(values.load(values.save(1, store), store))
"""


@pytest.fixture
def acme(tmp_path):
    (tmp_path / "acme.py").write_text(COLOUR)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    points = "[lading.serializers]\nacme-colour = acme:ColourSerializer\na-thief = acme:Thief\n"
    (info / "entry_points.txt").write_text(points)
    return tmp_path


def run(python, script, *path):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(["provider/src", *map(str, path)])}
    done = subprocess.run(
        [python, "-W", "error", "-c", script], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode().strip()


@pytest.mark.parametrize("python", lading_testkit.pythons(), ids=lambda path: Path(path).parts[-3])
def test_an_installed_serializer_of_a_third_party_is_used_on_every_python(python, acme):
    assert run(python, USE, acme) == "acme-colour Colour {'letters': 3} red\n1"


PLAIN = """
import json, pathlib, sys, tempfile
from lading_runner import values
from lading_runner.store import ArtifactStore, LocalStore
store = ArtifactStore(LocalStore(tempfile.mkdtemp()))
folder = pathlib.Path(tempfile.mkdtemp()) / "f"
(folder / "a").mkdir(parents=True)
(folder / "a" / ("\u00e9" * 100)).write_text("x")
plain = {"a": (1, 2.5, {3}), "b": "\u6f22", "c": b"x"}
several = (plain, "x" * 2000, b"y", folder, [plain, b"z" * 5000])
print(json.dumps([values.save(value, store).digest for value in several]))
"""


def test_every_python_writes_the_same_bytes():
    found = {python: json.loads(run(python, PLAIN)) for python in lading_testkit.pythons()}
    assert len(found) >= 1
    assert len({tuple(digests) for digests in found.values()}) == 1


GUARD = """
import sys
before = set(sys.modules)
from lading_runner import serializers
assert serializers.find({"a": [1, "x"]}).format == "json"
print(" ".join(sorted(m.partition(".")[0] for m in set(sys.modules) - before)))
"""


def test_plain_data_imports_no_library_and_nothing_slow():
    imported = set(run(sys.executable, GUARD).split())
    assert imported.isdisjoint(
        {"pandas", "numpy", "torch", "pyarrow", "polars", "sklearn", "pickle", "tarfile"}
    )
    assert imported.isdisjoint({"airflow", "lading", "decimal", "uuid", "zoneinfo", "tempfile"})


def test_a_missing_library_is_named_with_the_command_that_installs_it(store, tmp_path):
    ref = samples.save("npy_floats", store)
    script = f"""
import sys
sys.modules["numpy"] = None
from lading_runner import values
from lading_runner.contract import ArtifactRef
from lading_runner.errors import DependencyError
from lading_runner.store import ArtifactStore, LocalStore
try:
    values.load(ArtifactRef.from_json({ref.to_json()!r}), ArtifactStore(LocalStore({store.objects.folder!r})))
except DependencyError as e:
    print(e)
"""
    told = run(sys.executable, script)
    assert told.startswith("package 'numpy' is not installed")
    assert told.endswith("-m pip install numpy")
