"""What a step did to its NVIDIA GPUs, by NVML (https://docs.nvidia.com/deploy/nvml-api/), which comes with
the driver. Looked at once a second, so a shorter step shows what it held when it ended."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

_DEVICE = "/dev/nvidiactl"  # WSL, which has no such file, is not looked at
_LIBRARY = "libnvidia-ml.so.1"
_PERIOD_S = 1.0


class GpuMeter:
    """Memory in use and time busy of each visible GPU, other processes' share included: a job has its GPU to
    itself."""

    def __init__(self, nvml: _Nvml) -> None:
        self._nvml = nvml
        self._seen = [_Seen(name, memory) for name, memory in nvml.devices]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lading-gpu", daemon=True)
        self._thread.start()

    def read(self) -> List[Dict[str, Any]]:
        """Ends the watch. ``[{"name", "memory_bytes", "peak_memory_bytes", "utilization_mean",
        "utilization_max"}]``; utilization: share of time in which a kernel ran."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join(2 * _PERIOD_S)
            self._look()
            self._nvml.close()
        return [seen.facts() for seen in self._seen]

    def _watch(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            self._look()

    def _look(self) -> None:
        for place, seen in enumerate(self._seen):
            seen.add(self._nvml.memory_used(place), self._nvml.utilization(place))


def meter() -> Optional[GpuMeter]:
    """None: no GPU here, or its driver does not answer."""
    if not Path(_DEVICE).exists():
        return None
    try:
        nvml = _Nvml()
    except (OSError, AttributeError):
        return None
    return GpuMeter(nvml) if nvml.devices else None


class _Seen:
    def __init__(self, name: str, memory: int) -> None:
        self._name = name
        self._memory = memory
        self._peak = 0
        self._busy: List[int] = []

    def add(self, used: Optional[int], busy: Optional[int]) -> None:
        self._peak = max(self._peak, used or 0)
        if busy is not None:
            self._busy.append(busy)

    def facts(self) -> Dict[str, Any]:
        busy = self._busy
        return {
            "name": self._name,
            "memory_bytes": self._memory,
            "peak_memory_bytes": self._peak,
            "utilization_mean": round(sum(busy) / len(busy) / 100, 3) if busy else None,
            "utilization_max": max(busy) / 100 if busy else None,
        }


class _Nvml:
    """The few calls that we need; each gives None where the driver refuses."""

    def __init__(self) -> None:
        """:raises OSError: no library, or no driver behind it"""
        import ctypes

        self._c = ctypes
        self._library = ctypes.CDLL(_LIBRARY)
        if self._library.nvmlInit_v2() != 0:
            raise OSError(f"{_LIBRARY} does not answer")
        self._handles = [handle for handle in map(self._handle, self._visible()) if handle is not None]
        self.devices = [(self._name(handle), self._memory(handle)[0]) for handle in self._handles]

    def close(self) -> None:
        self._library.nvmlShutdown()

    def memory_used(self, place: int) -> Optional[int]:
        return self._memory(self._handles[place])[2] or None

    def utilization(self, place: int) -> Optional[int]:
        """Percent."""
        rates = (self._c.c_uint * 2)()  # gpu, memory
        refused = self._library.nvmlDeviceGetUtilizationRates(self._handles[place], self._c.byref(rates))
        return None if refused else int(rates[0])

    def _visible(self) -> List[str]:
        """Indexes or UUIDs, by ``CUDA_VISIBLE_DEVICES``."""
        count = self._c.c_uint()
        self._library.nvmlDeviceGetCount_v2(self._c.byref(count))
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        every = [str(index) for index in range(count.value)]
        if named is None or named.strip() == "all":
            return every
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]

    def _handle(self, name: str) -> Any:
        handle = self._c.c_void_p()
        if name.isdigit():
            refused = self._library.nvmlDeviceGetHandleByIndex_v2(int(name), self._c.byref(handle))
        else:
            refused = self._library.nvmlDeviceGetHandleByUUID(name.encode(), self._c.byref(handle))
        return None if refused else handle

    def _name(self, handle: Any) -> str:
        room = self._c.create_string_buffer(96)
        self._library.nvmlDeviceGetName(handle, room, 96)
        return room.value.decode(errors="replace")

    def _memory(self, handle: Any) -> Any:
        """Total, free, used, in bytes."""
        sizes = (self._c.c_ulonglong * 3)()
        self._library.nvmlDeviceGetMemoryInfo(handle, self._c.byref(sizes))
        return sizes
