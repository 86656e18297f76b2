"""``lading demo``: an Airflow of its own, the demo DAG run to success, its lineage, and a server to look at
it.

Everything lives in ``AIRFLOW_HOME`` (default ``.lading/airflow`` here); the server binds 127.0.0.1 only,
since the demo's Airflow lets in whoever reaches it.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_PACKAGED = Path(__file__).parents[1] / "dags"  # a wheel brings the examples along
_DAGS = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[4] / "dags"
DAG_ID = "demo_digits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-serve", action="store_true", help="stop after the printout")
    parser.add_argument(
        "--port", type=int, default=8080, help="port to serve on (default 8080; the next free one)"
    )
    parser.add_argument("--dags", type=Path, default=_DAGS, help="folder of DAGs (default: the examples)")


def run(args: argparse.Namespace) -> int:
    home = Path(os.environ.get("AIRFLOW_HOME") or ".lading/airflow").absolute()
    port = _free_port(args.port)
    environment = {**os.environ, **settings(home, args.dags.absolute(), port)}
    started = time.monotonic()
    steps = (
        ("Preparing Airflow's database", ("-m", "airflow", "db", "migrate")),
        (
            f"Running {DAG_ID}; the first time, one step installs its own packages",
            ("-m", "lading.cli.demo_run", DAG_ID),
        ),
    )
    for number, (title, argv) in enumerate(steps, 1):
        if code := _stage(f"[{number}/3] {title}", argv, environment, home / "logs" / f"demo-{number}.log"):
            return code
    _say("[3/3] Lineage of the run\n")
    show = ("-m", "lading.cli", "lineage", "show", "--dag", DAG_ID, "--run", "latest")
    code = subprocess.run((sys.executable, *show), env=environment, check=False).returncode  # noqa: S603
    if code:
        return code
    _say(f"\nDone in {time.monotonic() - started:.0f} s. Everything is in {home}.")
    return 0 if args.no_serve else _serve(environment, port)


def settings(home: Path, dags: Path, port: int) -> Mapping[str, str]:
    """Environment of the demo's Airflow."""
    home.mkdir(parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__XCOM_BACKEND": "lading.xcom.LadingXComBackend",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__LADING__STORE": (home.parent / "store").as_uri(),
        "AIRFLOW__LADING__ENVIRONMENTS": str(home.parent / "environments"),
        "LADING_STORE": (home.parent / "store").as_uri(),
        **_keys(home / "demo-keys.json"),
    }


def _keys(file: Path) -> dict[str, str]:
    """Random keys of this home, made once."""
    if not file.exists():
        keys = {
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(keys))
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _stage(title: str, argv: tuple[str, ...], environment: Mapping[str, str], log: Path) -> int:
    """Run one stage: its standard output is shown, what it logs goes to ``log``; time passes visibly."""
    _say(title)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    show = argv[1].startswith("lading")
    with log.open("w") as logged:
        child = subprocess.Popen(  # noqa: S603
            (sys.executable, *argv), env=dict(environment), stdout=None if show else logged, stderr=logged
        )
        while True:
            try:
                code = child.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                if not show:  # what shows its output tells by itself that it goes on
                    _say(f"      … {time.monotonic() - started:.0f} s")
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        sys.stderr.write(f"{tail}\n\n{title} failed with exit code {code}; the whole log is {log}\n")
    return code


def _serve(environment: Mapping[str, str], port: int) -> int:
    url = f"http://127.0.0.1:{port}/dags/{DAG_ID}/runs/{quote(_newest_run(environment))}"
    log = Path(environment["AIRFLOW_HOME"]) / "logs" / "demo-server.log"
    with log.open("w") as logged:
        server = subprocess.Popen(
            (sys.executable, "-m", "airflow", "api-server", "--workers", "1"),
            env=dict(environment),
            stdout=logged,
            stderr=logged,
            start_new_session=True,
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the server as Ctrl+C does
    _say(f"\nStarting Airflow on 127.0.0.1:{port} (log: {log}) …")
    try:
        if not _answers(server, port):
            sys.stderr.write(f"Airflow did not start; see {log}\n")
            return 1
        _say(f"\n    {url}\n\nCtrl+C stops it. Again: lading lineage show --dag {DAG_ID} --run latest")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


def _newest_run(environment: Mapping[str, str]) -> str:
    from lading.lineage.log import newest_run
    from lading_runner.store import open_object_store

    return newest_run(open_object_store(environment["LADING_STORE"]), DAG_ID) or ""


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    waited = 0
    while server.poll() is None and waited < 240:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(1)
        waited += 1
        if waited % 10 == 0:
            _say(f"      … {waited} s")
    return False


def _free_port(wanted: int) -> int:
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return wanted


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
