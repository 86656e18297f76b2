"""Parent of one job process: starts it, outlives the worker, records how it ended.

Run by path as ``python -I -S launcher.py <json>``; standard library only. The worker waits for the
first process, which ends once the job has started; a second one stays, waits for the job and writes
``exit.json``. An flock that the worker took is inherited by both and by the job: while it is held, the
job lives or is starting.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

TYPE_CHECKING = False  # typing itself is the slowest import of this process
if TYPE_CHECKING:
    from typing import Any, NoReturn


def start_ticks(pid: int) -> str:
    """When ``pid`` started, as the platform has it: it tells a recycled pid apart. Empty: no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # pathlib costs this process 5 ms
            return file.read().rpartition(b")")[2].split()[19].decode()
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):  # noqa: PTH110
            return ""
    import subprocess

    argv = ("/bin/ps", "-o", "lstart=", "-p", str(pid))  # macOS
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout  # noqa: S603  # own argv
    return said.strip().replace(" ", "_").replace(":", "-")


def oom_kills() -> int:
    """Processes of this control group that the kernel killed for want of memory; 0 where it does not say."""
    for path in _oom_files():
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123
                return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
        except OSError:
            continue
    return 0


def _oom_files() -> list[str]:
    paths = []
    try:
        with open("/proc/self/cgroup", encoding="ascii") as file:  # noqa: PTH123
            for line in file:
                _, kinds, group = line.rstrip("\n").split(":", 2)
                if kinds == "":
                    paths += [f"/sys/fs/cgroup{group}/memory.events", "/sys/fs/cgroup/memory.events"]
                elif "memory" in kinds.split(","):
                    root = "/sys/fs/cgroup/memory"
                    paths += [f"{root}{group}/memory.oom_control", f"{root}/memory.oom_control"]
    except OSError:
        return []
    return paths


def main(job: dict[str, Any]) -> int:
    started, starting = os.pipe()  # closed by exec: the worker waits for exactly that
    if os.fork():
        os.close(starting)
        os.read(started, 1)
        return 0
    os.close(started)
    before = oom_kills()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until there is a job to pass it on to
    child = os.fork()
    if child == 0:
        _become(job)
    os.close(starting)
    if job["handover_fd"] is not None:
        os.close(job["handover_fd"])
    code, timed_out = _wait(child, job)
    ended = {"code": code, "timed_out": timed_out, "oom_kills": oom_kills() - before}
    _write(job["folder"], "exit.json", ended)
    import shutil  # 10 ms, when nobody waits any more

    shutil.rmtree(job["cwd"], ignore_errors=True)
    return 0


def _become(job: dict[str, Any]) -> NoReturn:
    """Be the job: in a session of its own, on record before its first instruction."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    pid, parent = os.getpid(), os.getppid()
    record = {"host": job["host"], "pid": pid, "start": start_ticks(pid)}
    # Where memory runs out the job is killed, not the worker; only Linux has the file.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("500")
    launcher = {"launcher": parent, "launcher_start": start_ticks(parent)}
    _write(job["folder"], "record.json", {**record, **launcher})
    try:
        os.chdir(job["cwd"])
        os.execve(  # noqa: S606  # argv comes from the backend
            job["argv"][0],
            job["argv"],
            {**os.environ, "LADING_JOB_ID": "{host}:{pid}:{start}".format(**record)},
        )
    except OSError as e:
        os.write(2, f"the job cannot start: {job['argv'][0]}: {e.strerror}\n".encode())
        os._exit(127)


def _wait(child: int, job: dict[str, Any]) -> tuple[int, bool]:
    """Exit code (negative: signal) and whether the time ran out; ends what is left of the job's group."""
    told: list[int] = []  # the signals that ended its time, the first is what counts

    def end(number: int, frame: object) -> None:
        """First ask, then force: on its time limit, and on SIGTERM, which is how the job is cancelled."""
        if told and number == signal.SIGTERM:
            return
        _signal_group(child, signal.SIGKILL if told else signal.SIGTERM)
        told.append(number)
        signal.setitimer(signal.ITIMER_REAL, max(_grace_s(job), 0.01))

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    signal.setitimer(signal.ITIMER_REAL, job["timeout_s"] or 0)
    if hasattr(os, "waitid"):  # macOS: from 3.13
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # not reaped: its pid is not given to another
        signal.setitimer(signal.ITIMER_REAL, 0)
        _signal_group(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return os.waitstatus_to_exitcode(status), told[:1] == [signal.SIGALRM]


def _grace_s(job: dict[str, Any]) -> float:
    """Between asking and forcing: what who cancelled it wrote, else what it was started with."""
    try:
        with open(os.path.join(job["folder"], "cancelled"), encoding="ascii") as file:  # noqa: PTH118,PTH123
            return float(file.read())
    except (OSError, ValueError):
        return float(job["grace_s"])


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody is left
        os.killpg(group, number)


def _write(folder: str, name: str, data: dict[str, Any]) -> None:
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")  # noqa: PTH118
    with open(temporary, "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump(data, file, sort_keys=True)
    os.replace(temporary, os.path.join(folder, name))  # noqa: PTH105,PTH118


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
