"""A real GPU: what the profile says of it, by a step that speaks to the driver, and tensors on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner_jobs import job

pytestmark = pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="no NVIDIA GPU here")

HELD = 2 << 30  # bytes
CODE = f"""
    import ctypes
    import time

    def run():
        cuda = ctypes.CDLL("libcuda.so.1")
        device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_ulonglong()
        assert cuda.cuInit(0) == 0
        assert cuda.cuDeviceGet(ctypes.byref(device), 0) == 0
        assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device) == 0
        assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t({HELD})) == 0
        until = time.monotonic() + 5
        while time.monotonic() < until:
            for _ in range(50):
                assert cuda.cuMemsetD32_v2(memory, 7, ctypes.c_size_t({HELD // 4})) == 0
            assert cuda.cuCtxSynchronize() == 0
        return {HELD}
"""


@pytest.fixture
def gpus(tmp_path: Path) -> list[dict[str, Any]]:
    ended = job(tmp_path, CODE).run()
    assert ended.code == 0, ended.output
    assert ended.result is not None
    return ended.result.profile["gpu"]


def test_memory_and_load_of_the_gpu_are_seen(gpus: list[dict[str, Any]]) -> None:
    first = gpus[0]
    assert first["name"]
    assert HELD < first["peak_memory_bytes"] < first["memory_bytes"]
    assert 0 < first["utilization_mean"] <= first["utilization_max"] <= 1
    assert first["utilization_max"] > 0.3


def test_hidden_gpus_are_not_looked_at(tmp_path: Path) -> None:
    made = job(tmp_path, "def run():\n    return 1\n")
    ended = made.run(CUDA_VISIBLE_DEVICES="")
    assert ended.result is not None
    assert "gpu" not in ended.result.profile


TENSORS = """
    def run():
        import torch

        torch.manual_seed(7)
        layer = torch.nn.Linear(64, 32)
        state = {{**layer.state_dict(), "turned": layer.weight.t(), "half": layer.weight.bfloat16()}}
        return {{name: tensor.detach().to({device!r}) for name, tensor in state.items()}}
"""


def test_tensors_of_a_gpu_are_the_same_artifact_as_those_of_the_cpu(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    digests = set()
    for device in ("cpu", "cuda"):
        ended = job(tmp_path / device, TENSORS.format(device=device)).run(site=True)
        assert ended.code == 0, ended.output
        assert ended.result is not None
        digests.add(ended.result.outputs["return_value"].digest)
    assert len(digests) == 1
