"""Steps elsewhere that do with their secrets whatever a step may do, on each target of ``PLANTED_TARGETS``.

The controls are no secrets. Each goes one way only, so that who finds it there would find a secret, too.
"""

from __future__ import annotations

import json
import os
from typing import Any

from airflow.sdk import DAG, Connection, Variable, task

from lading import step

PLANTED: dict[str, list[str]] = json.loads(os.environ["PLANTED_NAMES"])


def control(way: str) -> str:
    """As ``planted.secret`` begins; made in the job, so that no argument has it."""
    import hashlib

    return hashlib.sha256(f"control {way} 0".encode()).hexdigest()[:20]


def look_up(context: Any) -> None:
    """In the worker: from here on its list of secrets has them."""
    found = [Variable.get(name) for name in PLANTED["variables"]]
    found += [Connection.get(name).password for name in PLANTED["connections"]]
    print("looked up", len(found))


def use(names: list[str], how: str, word: str, run_id: str | None = None) -> list[tuple[str, str]]:
    import base64
    import hashlib
    from urllib.parse import quote

    secrets = [os.environ[name] for name in names]
    for secret in secrets:
        print("used", hashlib.sha256(secret.encode()).hexdigest())
    print(control("printed"), len(word))
    print("coded", base64.b64encode(f"so: {control('base64')}".encode()), control("hex").encode().hex())
    show(secrets)
    wait_for_go(str(run_id))
    if how == "raise":
        try:
            raise KeyError(secrets)
        except KeyError as e:
            where = f"https://me:{quote(secrets[0])}@host/?t={secrets[1]}"
            raise ValueError(f"{control('raised')} {where} {secrets}") from e
    return all_that_i_see()


def tell(name: str) -> dict[str, str]:
    return {"small": os.environ[name]}


def tell_control(way: str) -> dict[str, str]:
    return {"small": control(way)}


def show(secrets: list[str]) -> None:
    """On each way out of a process that leads to its log, and in each spelling."""
    import logging
    import os
    import subprocess
    import sys
    import time
    from urllib.parse import quote, quote_plus, urlencode

    for secret in secrets:
        print(secret, [secret], json.dumps(secret), json.dumps({"": secret}, ensure_ascii=False))
        print(quote(secret), quote(secret, safe=""), quote_plus(secret), urlencode({"token": secret}))
        logging.warning("logged %s %r", secret, secret)
        os.write(2, secret[: len(secret) // 2].encode())
        time.sleep(0.01)
        os.write(2, secret[len(secret) // 2 :].encode() + b"\n")
    sys.stdout.flush()
    subprocess.run(["env"], check=True)


def wait_for_go(run_id: str) -> None:
    import time
    from pathlib import Path
    from urllib.parse import quote

    end = time.monotonic() + 300
    while not Path("/lading/store/blobs", f"go-{quote(run_id, safe='')}").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody said go")
        time.sleep(0.2)


def all_that_i_see() -> list[tuple[str, str]]:
    """Variables, arguments and files of this job, but for the system's own and other steps' artifacts."""
    import os
    from pathlib import Path

    roots = ("/lading", "/tmp", "/run", "/var/run", "/etc", "/home", "/root", "/opt", "/mnt", "/dev/shm")
    seen = {"os.environ": json.dumps(dict(os.environ))}
    paths = [Path("/proc", pid, name) for pid in ("1", "self") for name in ("environ", "cmdline")]
    for root in roots:
        for folder, _, names in os.walk(root):
            if not folder.startswith("/lading/store/blobs"):
                paths += [Path(folder, name) for name in names]
    for path in paths:
        try:
            seen[str(path)] = path.read_bytes()[:1_000_000].decode(errors="replace") if path.is_file() else ""
        except OSError as e:
            seen[str(path)] = str(e)
    return list(seen.items())


def use_given(given: list[str]) -> None:
    print(control("given"))
    show(given)
    raise ValueError(f"{control('raised')} {given}")


def values() -> list[str]:
    return [Variable.get(name) for name in PLANTED["variables"]]


def planted(target: str) -> None:
    more = {"on": target, "env": {"CONTROL": control("env")}, "pre_execute": look_up}
    names = PLANTED["jobs"]
    for name, how, deferrable in (("succeed", "return", False), ("fail", "raise", True)):
        step(task_id=name, deferrable=deferrable, **more)(use)(names, how, control("argument"))
    for way, keys in (("whole", False), ("keys", True)):
        step(task_id=f"tell_{way}", multiple_outputs=keys, **more)(tell)(names[0])
        step(task_id=f"tell_{way}_control", multiple_outputs=keys, **more)(tell_control)(way)
    if target == "docker":
        step(task_id="handed", **more)(use_given)(task(values, show_return_value_in_logs=False)())


for place in os.environ["PLANTED_TARGETS"].split(","):
    with DAG(f"planted_{place}", schedule=None):
        planted(place)
