"""NumPy arrays and torch tensors."""

from __future__ import annotations

import importlib
import io
import tracemalloc

import numpy as np
import pytest

import artifact_samples as samples
from lading_runner import values
from lading_runner.errors import ArtifactUndecodable, SerializationError
from lading_runner.serializers.npy import NpySerializer
from lading_runner.serializers.tensors import TensorsSerializer
from lading_runner.store.blobs import MemoryBlob
from lading_testkit import REQUIRED

GAPS = np.dtype({"names": ["a", "b"], "formats": ["i1", "i8"], "offsets": [0, 8]})


@pytest.fixture(scope="module")
def store():
    return samples.new_store()


def kept(value, store):
    return values.load(values.save(value, store), store)


@pytest.mark.parametrize(
    "array",
    [
        np.array(5),
        np.array("word"),
        np.zeros((0, 3)),
        np.zeros((2, 0), order="F"),
        np.array(["a", "漢"]),
        np.array([b"x", b""]),
        np.array(["", ""]),
        np.array([True, False]),
        np.array([1 + 2j], dtype=np.complex64),
        np.array([np.nan, -0.0, np.inf], dtype=np.float16),
        np.array(["2026-01-01", "NaT"], dtype="M8[ns]"),
        np.array([1], dtype="m8[s]"),
        np.arange(24).reshape(2, 3, 4),
        np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
        np.arange(3, dtype=">u2"),
        np.zeros(2, dtype=GAPS),
        np.array([(1, [2, 3])], dtype=[("a", "i4"), ("b", "f8", 2)]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_comes_back_changeable_from_a_file_and_from_memory(array, store):
    ref = values.save(array, store)
    raw = store.blob(ref).read()
    for back in (values.load(ref, store), NpySerializer().load(MemoryBlob(raw), {})):
        assert samples.same(back, array)
        assert back.flags.writeable
        if back.size:
            back[...] = np.zeros(1, back.dtype)[0]
    assert samples.same(values.load(ref, store), array)  # what was changed was a private copy
    assert samples.same(np.load(io.BytesIO(raw)), array)


@pytest.mark.parametrize("view", [np.s_[:, ::2], np.s_[::-1], np.s_[:, None, 1], np.s_[1:3, 1:3]], ids=str)
def test_a_view_of_an_array_is_stored_as_the_array_that_it_shows(view, store):
    whole = np.arange(2000, dtype="f4").reshape(40, 50)
    assert values.save(whole[view], store) == values.save(whole[view].copy(), store)


def test_random_bytes_between_fields_are_not_stored(store):
    # over their own buffers, since a copy of such an array leaves what lies between its fields to chance
    one, other = (np.frombuffer(bytearray([filling] * 32), GAPS) for filling in (0, 255))
    for array in (one, other):
        array["a"], array["b"] = [1, 2], [3, 4]
    assert one.data.cast("B") != other.data.cast("B")
    assert values.save(one, store).digest == values.save(other, store).digest
    assert kept(other, store).tolist() == [(1, 3), (2, 4)]


def test_a_big_array_is_written_without_a_copy(store):
    array = np.zeros(8 << 20, np.float32)  # 32 MiB
    tracemalloc.start()
    values.save(array, store)
    values.save(np.asfortranarray(array.reshape(2, -1)), store)
    used = tracemalloc.get_traced_memory()[1] - array.nbytes  # of the second array itself
    tracemalloc.stop()
    assert used < 4 << 20


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([object()]), r"dtype object holds Python objects.*astype"),
        (np.array(["a"], dtype=np.dtypes.StringDType()), r"StringDType.*fixed length"),
        (np.ma.array([1], mask=[True]), r"MaskedArray has no exact stored form.*filled"),
        (np.array([(1,)], dtype=[("a", "O")]), r"holds Python objects"),
        (np.rec.array([(1,)], dtype=[("a", "i4")]), r"recarray has no exact stored form.*asarray"),
        (np.datetime64("2026"), r"numpy\.datetime64.*value\.item\(\) or numpy\.asarray\(value\)"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_refusal_says_what_to_return_instead(value, message, store):
    with pytest.raises(SerializationError, match=message):
        values.save(value, store)


def test_an_array_file_with_python_objects_is_never_unpickled():
    raw = io.BytesIO()
    np.save(raw, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(ArtifactUndecodable, match="never unpickled"):
        NpySerializer().load(MemoryBlob(raw.getvalue()), {})


torch = importlib.import_module("torch") if "torch" in REQUIRED else pytest.importorskip("torch")
DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool),
    *(
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.uint16,
        torch.uint32,
        torch.uint64,
    ),
    *(torch.float8_e5m2, torch.float8_e4m3fn),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tensor_of_every_dtype_comes_back_changeable(dtype, store):
    tensor = torch.tensor([[0, 1, 2], [1, 0, 1]]).to(dtype)
    back = kept(tensor, store)
    assert back.dtype == dtype
    assert back.to(torch.complex128).equal(tensor.to(torch.complex128))
    back[0, 0] = back[0, 1]
    assert kept(tensor, store).to(torch.complex128).equal(tensor.to(torch.complex128))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(1.5),
        torch.zeros(0),
        torch.zeros(2, 0),
        torch.arange(6).reshape(2, 3).T,
        torch.ones(1).expand(3),
    ],
    ids=lambda tensor: str(tuple(tensor.shape)),
)
def test_a_tensor_of_any_layout_comes_back(tensor, store):
    back = kept(tensor, store)
    assert back.shape == tensor.shape
    assert back.equal(tensor)


def test_a_parameter_that_is_trained_comes_back_as_its_value(store):
    weight = torch.nn.Parameter(torch.ones(2))
    back = kept({"w": weight}, store)
    assert back["w"].equal(weight.detach())
    assert not back["w"].requires_grad


def test_a_state_dict_loads_into_a_new_module(store):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    state = kept(module.state_dict(), store)
    assert list(state) == list(module.state_dict())
    assert state._metadata == module.state_dict()._metadata
    fresh = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    fresh.load_state_dict(state)
    rows = torch.ones(2, 3)
    assert fresh.eval()(rows).equal(module.eval()(rows))


def test_equal_dicts_of_tensors_are_equal_bytes_whatever_their_order(store):
    one, two = torch.zeros(2), torch.ones(1, dtype=torch.int8)
    assert values.save({"a": one, "b": two}, store) == values.save({"b": two, "a": one}, store)


def test_any_safetensors_library_reads_the_file(store):
    library = pytest.importorskip("safetensors.torch")
    state = {"odd": torch.ones(3, dtype=torch.int8), "wide": torch.arange(4.0), "none": torch.zeros(0)}
    found = library.load(store.blob(values.save(state, store)).read())
    assert found.keys() == state.keys()
    assert all(found[name].equal(state[name]) for name in state)


def test_a_file_of_the_safetensors_library_is_read():
    library = pytest.importorskip("safetensors.torch")
    state = {"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.bfloat16)}
    found = TensorsSerializer().load(MemoryBlob(library.save(state)), {})
    assert all(found[name].equal(state[name]) for name in state)


def test_a_checkpoint_keeps_its_numbers_beside_its_tensors(store):
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    back = kept({"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, store)
    assert back["epoch"] == 3
    torch.optim.SGD(model.parameters(), lr=1).load_state_dict(back["optimizer"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.nn.Linear(1, 1), r"Linear is a torch module.*module\.state_dict\(\)"),
        (torch.eye(2).to_sparse(), r"sparse.*to_dense"),
        (torch.zeros(1, dtype=torch.complex128), r"dtype complex128.*tensor\.to"),
        ({"__metadata__": torch.zeros(1)}, r"'__metadata__' is the format's own.*rename"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_refusal_of_torch_values_says_what_to_return_instead(value, message, store):
    with pytest.raises(SerializationError, match=message):
        values.save(value, store)


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        b'{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b"[]",
    ],
)
def test_a_header_that_lies_is_a_typed_error(header):
    raw = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
    with pytest.raises(ArtifactUndecodable):
        TensorsSerializer().load(MemoryBlob(raw), {})
