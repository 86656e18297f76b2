"""A Docker engine of a test's own, to be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from benchmarks.cases.containers import absent

from supervised import lives, until

if TYPE_CHECKING:
    from collections.abc import Iterator


class PrivateEngine:
    """Beside the machine's own: another socket, other folders, a network namespace without a network."""

    def __init__(self) -> None:
        # not below the test's folder: the path of a socket ends at 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="lading-docker-"))
        self.host = f"unix://{self.folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def possible() -> bool:
        return not absent() and all(map(shutil.which, ("dockerd", "unshare"))) and os.geteuid() == 0

    def start(self, *, live_restore: bool = False) -> None:
        for left in ("docker.pid", "exec/containerd/containerd.pid"):  # by one that was killed
            (self.folder / left).unlink(missing_ok=True)
        argv = [
            # An engine without a bridge removes ``docker0``, which belongs to the machine's own engine: hence
            # a network namespace, where there is none.
            "unshare",
            "--net",
            "dockerd",
            f"--host={self.host}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker.pid",
            f"--live-restore={str(live_restore).lower()}",
            "--bridge=none",
            "--iptables=false",
            "--ip-masq=false",
        ]
        with (self.folder / "log").open("ab") as out:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        until(self._up, "dockerd does not start", 60)

    def load(self, image: str) -> None:
        """From the machine's own engine."""
        given = docker.APIClient(version="auto")
        own = self.api()
        try:
            for _ in own.load_image(self._chunks(given, image)):
                pass
        finally:
            given.close()
            own.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        containerd = int((self.folder / "exec/containerd/containerd.pid").read_text())
        self._process.send_signal(number)
        self._process.wait(60)
        until(lambda: not lives(containerd), "containerd outlives its engine", 30)
        assert not self.answers()

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # the SDK leaves its own open where nobody listens
            try:
                probe.connect(self.host.removeprefix("unix://"))
            except OSError:
                return False
        try:
            api = self.api()
        except docker.errors.DockerException:  # it takes a connection before it can answer
            return False
        try:
            return bool(api.ping())
        finally:
            api.close()

    def api(self) -> docker.APIClient:
        return docker.APIClient(self.host, version="auto")

    def end(self) -> None:
        """With all that it holds."""
        if self._process is not None and self._process.poll() is None:
            api = self.api()
            for one in api.containers(all=True):
                api.remove_container(one["Id"], force=True)
            api.close()
            self.stop()
        # the engine binds its folder to itself
        subprocess.run(("umount", "--lazy", f"{self.folder}/data"), check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _up(self) -> bool:
        assert self._process is not None
        said = (self.folder / "log").read_text(errors="replace")[-2000:]
        assert self._process.poll() is None, f"dockerd ended: {said}"
        return self.answers()

    @staticmethod
    def _chunks(api: docker.APIClient, image: str) -> Iterator[bytes]:
        yield from api.get_image(image)
