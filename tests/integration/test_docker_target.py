"""What a target of Docker asks for is what a step finds in its container: user, network, folders."""

from __future__ import annotations

import errno
import os
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

import docker_engine
from docker_engine import Desk, api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.service("docker")


@pytest.fixture(autouse=True, scope="module")
def engine() -> None:
    docker_engine.require()


def who() -> dict[str, Any]:
    import os
    from pathlib import Path

    made = Path(os.environ["HOME"], "made")
    made.write_text("x")
    return {
        "ids": [*os.getresuid(), *os.getresgid()],
        "groups": os.getgroups(),
        "owns": [made.stat().st_uid, made.stat().st_gid],
    }


def test_a_step_runs_as_the_user_of_its_target(tmp_path: Path) -> None:
    desk = Desk(tmp_path, who, target={"user": "1234:4321"})
    result = desk.run()
    found = desk.value(result)
    assert found["ids"] == [1234] * 3 + [4321] * 3
    assert set(found["groups"]) <= {4321}
    assert found["owns"] == [1234, 4321]
    written = tmp_path / "store" / desk.key / "result.json"
    assert (written.stat().st_uid, written.stat().st_gid) == (1234, 4321)


@pytest.fixture
def network() -> Iterator[dict[str, Any]]:
    """Of the test's own, as the engine describes it."""
    name = f"lading-test-{os.getpid()}"
    made = api().create_network(name, driver="bridge")["Id"]
    try:
        yield {"name": name, **api().inspect_network(made)["IPAM"]["Config"][0]}
    finally:
        api().remove_network(made)


def addresses() -> list[str]:
    """Of this machine, as the kernel knows them; not those to itself."""
    import re
    from pathlib import Path

    own = set(re.findall(r"(\S+)\n.* host LOCAL$", Path("/proc/net/fib_trie").read_text(), re.MULTILINE))
    return sorted(address for address in own if not address.startswith("127."))


def test_a_step_is_on_the_network_of_its_target_and_on_no_other(
    tmp_path: Path, network: dict[str, Any]
) -> None:
    desk = Desk(tmp_path, addresses, target={"network": network["name"]})
    (found,) = desk.value(desk.run())
    assert ip_address(found) in ip_network(network["Subnet"])


def test_a_step_whose_target_takes_the_network_away_has_none(tmp_path: Path) -> None:
    desk = Desk(tmp_path, addresses, target={"network": "none"})
    assert desk.value(desk.run()) == []


def use(folders: list[str]) -> list[Any]:
    from pathlib import Path

    def tried(path: Path) -> Any:
        try:
            path.write_text("by the step")
        except OSError as e:
            return e.errno
        return "written"

    return [
        [Path(folder, "words").read_text(), tried(Path(folder, "words")), tried(Path(folder, "new"))]
        for folder in folders
    ]


def test_a_step_reads_the_folders_of_its_target_and_writes_only_those_it_may(tmp_path: Path) -> None:
    asked: dict[str, dict[str, bool]] = {
        "given": {"read_only": True},
        "shared": {"read_only": False},
        "usual": {},
    }
    for name in asked:
        folder = tmp_path / name
        folder.mkdir()
        folder.chmod(0o777)  # so that only the mount can forbid it
        (folder / "words").write_text(f"of {name}")
        (folder / "words").chmod(0o666)
    mounts = [
        {"source": f"{tmp_path}/{name}", "target": f"/srv/{name}", **how} for name, how in asked.items()
    ]
    desk = Desk(tmp_path, use, {"folders": [f"/srv/{name}" for name in asked]}, target={"mounts": mounts})
    assert desk.value(desk.run()) == [
        ["of given", errno.EROFS, errno.EROFS],
        ["of shared", "written", "written"],
        ["of usual", "written", "written"],
    ]
    assert (tmp_path / "given" / "words").read_text() == "of given"
    assert not (tmp_path / "given" / "new").exists()
    assert (tmp_path / "shared" / "new").read_text() == "by the step"
