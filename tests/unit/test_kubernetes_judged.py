"""What a pod's status and events mean. Statuses are as Kubernetes 1.20 and 1.36 gave them."""

from __future__ import annotations

from typing import Any

import pytest

from lading.backends.base import FailureClass, JobState, Observation
from lading.backends.kubernetes.judged import gone, judged
from lading.backends.kubernetes.status import never_ran
from pod_samples import CREATED, NOW, SCHEDULED, WAIT, ended, event, pod, waiting

NO_NODE = "0/1 nodes are available: 1 Insufficient cpu."
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_NODE}
NOT_FOUND = 'Failed to pull image "acme/train:1": rpc error: code = NotFound desc = acme/train:1: not found'
REFUSED = 'Failed to pull image "acme/train:1": dial tcp 127.0.0.1:1: connect: connection refused'
NO_PYTHON = 'exec: "python3": executable file not found in $PATH: unknown'


def look(
    thing: dict[str, Any], *events: dict[str, Any], now: float = NOW, max_wait_s: float = WAIT
) -> Observation:
    return judged(thing, events, now, max_wait_s)


@pytest.mark.parametrize(
    ("thing", "code", "failure", "words"),
    [
        (ended(0, "Completed", "Succeeded"), 0, None, "exit code 0"),
        (pod("Succeeded"), 0, None, "exit code 0"),
        (ended(3), 3, None, "exit code 3"),
        (ended(86), 86, None, "exit code 86"),
        (ended(139), 139, None, "exit code 139"),
        (ended(3, phase="Running"), 3, None, "exit code 3"),  # the kubelet is late, or a sidecar still runs
        (
            ended(137, "OOMKilled"),
            137,
            FailureClass.OOM,
            "all of its memory limit of 64 MiB (its peak), unless",
        ),
        (ended(137), 137, FailureClass.INFRA, "SIGKILL: not Lading's doing"),
        (ended(143), 143, FailureClass.INFRA, "SIGTERM"),
        (
            ended(143, metadata={"deletionTimestamp": CREATED}),
            143,
            FailureClass.INFRA,
            "somebody deleted the pod",
        ),
        (
            ended(
                143,
                conditions=[
                    {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
                ],
            ),
            143,
            FailureClass.PREEMPTED,
            "EvictionByEvictionAPI",
        ),
        (
            ended(
                137,
                conditions=[
                    {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
                ],
            ),
            137,
            FailureClass.PREEMPTED,
            "PreemptionByScheduler",
        ),
        (
            pod("Failed", reason="Evicted", message="The node was low on resource: memory."),
            None,
            FailureClass.PREEMPTED,
            "low on resource",
        ),
        (
            pod("Failed", reason="Shutdown", message="Node is shutting"),
            None,
            FailureClass.PREEMPTED,
            "shutting",
        ),
        (
            pod("Failed", reason="Preempting", message="critical pod"),
            None,
            FailureClass.PREEMPTED,
            "critical pod",
        ),
        (
            pod(
                "Failed",
                reason="Evicted",
                message="Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
            ),
            None,
            FailureClass.CONFIG,
            "disk=",
        ),
        (
            pod(
                "Failed", reason="Evicted", message='Usage of EmptyDir volume "shm" exceeds the limit "1Mi". '
            ),
            None,
            FailureClass.CONFIG,
            "shm=",
        ),
        (
            pod("Failed", reason="DeadlineExceeded", message="Pod was active longer than specified deadline"),
            None,
            FailureClass.TIMEOUT,
            "longer than specified",
        ),
        (
            {**ended(137), "status": {**ended(137)["status"], "reason": "DeadlineExceeded"}},
            137,
            FailureClass.TIMEOUT,
            "DeadlineExceeded",
        ),
        (
            pod("Failed", reason="OutOfcpu", message="Node didn't have enough"),
            None,
            FailureClass.INFRA,
            "OutOfcpu",
        ),
        (
            ended(128, "StartError", message=NO_PYTHON),
            128,
            FailureClass.CONFIG,
            'image "acme/train:1" has no "python3"',
        ),
        (ended(127, "ContainerCannotRun", message=NO_PYTHON), 127, FailureClass.CONFIG, '"interpreter"'),
        (
            ended(128, "StartError", message="container init was OOM-killed (memory limit too low?)"),
            128,
            FailureClass.OOM,
            "64 MiB",
        ),
        (ended(128, "StartError", message="context deadline exceeded"), 128, FailureClass.INFRA, "deadline"),
    ],
)
def test_how_a_pod_ended(
    thing: dict[str, Any], code: int | None, failure: FailureClass | None, words: str
) -> None:
    seen = look(thing)
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, code, failure)
    assert words in seen.reason


def test_the_exact_image_is_known_once_the_job_ended() -> None:
    thing = ended(0, "Completed", "Succeeded")
    thing["status"]["containerStatuses"][0]["imageID"] = "docker-pullable://acme/train@sha256:ab"
    assert look(thing).environment == {"image": "acme/train@sha256:ab"}
    assert look(ended(0)).environment == {}


@pytest.mark.parametrize(
    ("thing", "failure", "words"),
    [
        (
            waiting("InvalidImageName", "couldn't parse image reference"),
            FailureClass.CONFIG,
            "correct the name",
        ),
        (waiting("ErrImageNeverPull", "is not present"), FailureClass.CONFIG, "image_pull_policy"),
        (
            waiting("CreateContainerConfigError", 'secret "db" not found'),
            FailureClass.CONFIG,
            'secret "db" not found',
        ),
        (waiting("CreateContainerError", NO_PYTHON), FailureClass.CONFIG, "use an image with Python 3.9"),
        (waiting("RunContainerError", NO_PYTHON), FailureClass.CONFIG, "use an image with Python 3.9"),
    ],
)
def test_what_can_never_start_is_over_at_once(
    thing: dict[str, Any], failure: FailureClass, words: str
) -> None:
    seen = look(thing)
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, None, failure)
    assert words in seen.reason


@pytest.mark.parametrize(
    "thing",
    [
        pod("Pending"),
        pod("Pending", conditions=[UNSCHEDULABLE]),
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        waiting("ErrImagePull", REFUSED),
        waiting("CreateContainerError", "context deadline exceeded"),
        waiting("CreateContainerError", 'name "x" is reserved for "y"'),
    ],
)
def test_what_may_still_start_is_waited_for(thing: dict[str, Any]) -> None:
    assert look(thing).state is JobState.QUEUED


@pytest.mark.parametrize(
    ("reason", "message", "times", "failure"),
    [
        ("ErrImagePull", NOT_FOUND, 1, None),
        ("ImagePullBackOff", NOT_FOUND, 1, None),
        ("ErrImagePull", NOT_FOUND, 2, FailureClass.CONFIG),
        ("ImagePullBackOff", NOT_FOUND, 2, FailureClass.CONFIG),
        ("ErrImagePull", REFUSED, 3, None),
        ("ErrImagePull", REFUSED, 4, FailureClass.INFRA),
    ],
)
def test_a_registry_may_fail_but_not_for_ever(
    reason: str, message: str, times: int, failure: FailureClass | None
) -> None:
    seen = look(waiting(reason, "Back-off pulling image"), event("Failed", message, times))
    assert seen.failure is failure
    assert seen.state is (JobState.QUEUED if failure is None else JobState.ENDED)
    assert message in seen.reason
    assert failure is None or "image_pull_secrets" in seen.reason


def test_without_a_right_to_events_an_image_that_is_not_there_is_still_found_out() -> None:
    thing = waiting("ErrImagePull", "acme/train:1: not found")
    assert look(thing).state is JobState.QUEUED
    for events in ([], [event("Events", "may not list events")]):
        seen = look(thing, *events, now=NOW + 30)
        assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.CONFIG)
        assert "not found" in seen.reason


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (UNSCHEDULABLE, NO_NODE),
        ({**UNSCHEDULABLE, "reason": "SchedulingGated", "message": "gated"}, "gated"),
        ({"type": "Other", "status": "True"}, "no scheduler looked"),
    ],
)
def test_a_pod_without_a_node_is_waited_for_no_longer_than_the_target_says(
    condition: dict[str, Any], words: str
) -> None:
    thing = pod("Pending", conditions=[condition])
    assert look(thing, max_wait_s=10).state is JobState.QUEUED
    seen = look(thing, max_wait_s=9.5)
    assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.CAPACITY)
    assert "within 9.5 s" in seen.reason
    assert words in seen.reason


def test_a_pod_with_a_node_may_pull_for_longer_than_that() -> None:
    assert (
        look(waiting("ContainerCreating"), event("Pulling", "Pulling image"), max_wait_s=1).state
        is JobState.QUEUED
    )


def installing(state: dict[str, Any], phase: str = "Pending") -> dict[str, Any]:
    status = {"name": "lading-install", "image": "acme/train:1", "state": state}
    base = {"waiting": {"reason": "PodInitializing"}}
    return pod(phase, base, initContainerStatuses=[status], conditions=[SCHEDULED])


def test_packages_may_be_installed_for_longer_than_a_pod_may_wait_for_its_volumes() -> None:
    thing, mounted = installing({"running": {}}), event("FailedMount", 'secret "x" not found')
    seen = look(thing, mounted, max_wait_s=1)
    assert seen.state is JobState.QUEUED
    assert seen.reason.endswith("the requirements are being installed in pod lading-0")
    assert not never_ran(thing)


@pytest.mark.parametrize(
    ("ended", "code", "failure", "words"),
    [
        ({"exitCode": 65, "reason": "Error"}, 65, None, "exit code 65"),
        ({"exitCode": 75, "reason": "Error"}, 75, None, "exit code 75"),
        ({"exitCode": 137, "reason": "OOMKilled"}, 137, FailureClass.OOM, "64 MiB"),
        ({"exitCode": 137, "reason": "Error"}, 137, FailureClass.INFRA, "SIGKILL"),
        (
            {"exitCode": 128, "reason": "StartError", "message": NO_PYTHON},
            128,
            FailureClass.CONFIG,
            'has no "python3"',
        ),
    ],
)
def test_how_the_installer_ends_is_how_the_job_ends(
    ended: dict[str, Any], code: int, failure: FailureClass | None, words: str
) -> None:
    seen = look(installing({"terminated": ended}, "Failed"))
    assert (seen.state, seen.exit_code, seen.failure) == (JobState.ENDED, code, failure)
    assert words in seen.reason


def test_an_installer_that_succeeded_is_no_end() -> None:
    done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    assert look(installing(done)).state is JobState.QUEUED
    assert look(installing(done, "Running")).state is JobState.RUNNING


def test_a_volume_that_does_not_come_is_not_waited_for_for_ever() -> None:
    seen = look(waiting("ContainerCreating"), event("FailedMount", 'no "x"'), max_wait_s=1)
    assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.INFRA)
    assert 'no "x"' in seen.reason


def test_each_event_of_a_waiting_pod_is_a_line_in_its_order() -> None:
    later, earlier = event("Pulled", "two", at="12:00:02"), event("Pulling", "one\nand a half", at="12:00:01")
    assert look(waiting("ContainerCreating"), later, earlier).reason == "Pulling: one and a half\nPulled: two"


def test_a_running_pod_runs_also_while_it_is_told_to_end() -> None:
    assert look(pod("Running", {"running": {}})).state is JobState.RUNNING
    dying = pod("Running", {"running": {}}, metadata={"deletionTimestamp": CREATED})
    assert look(dying).state is JobState.RUNNING


def test_a_pod_whose_node_fell_silent_is_taken_for_lost() -> None:
    dying = pod("Running", {"running": {}}, metadata={"deletionTimestamp": CREATED})
    seen = look(dying, now=NOW + 60)
    assert (seen.state, seen.failure) == (JobState.ENDED, FailureClass.PREEMPTED)


def test_a_failed_init_container_is_named() -> None:
    thing = pod("Failed", {"waiting": {"reason": "PodInitializing"}})
    state = {"terminated": {"exitCode": 65, "reason": "Error"}}
    thing["status"]["initContainerStatuses"] = [{"name": "packages", "state": state}]
    assert "init container 'packages' ended with exit code 65" in look(thing).reason


@pytest.mark.parametrize(
    ("events", "failure", "words"),
    [
        ([], FailureClass.INFRA, "somebody deleted it"),
        ([event("Killing", "Stopping container base")], FailureClass.INFRA, "somebody deleted it"),
        (
            [event("Preempted", "by ml/big on node a"), event("Killing", "x")],
            FailureClass.PREEMPTED,
            "by ml/big",
        ),
        ([event("TaintManagerEviction", "Marking for deletion")], FailureClass.PREEMPTED, "Marking"),
    ],
)
def test_of_a_pod_that_is_gone_its_events_may_tell_why(
    events: list[dict[str, Any]], failure: FailureClass, words: str
) -> None:
    seen = gone("lading-0", events)
    assert (seen.state, seen.failure) == (JobState.LOST, failure)
    assert words in seen.reason


def test_only_a_pod_of_which_nothing_began_is_deleted_at_once() -> None:
    init = waiting("PodInitializing")
    init["status"]["initContainerStatuses"] = [{"name": "packages", "state": {"running": {}}}]
    assert never_ran(waiting("ErrImagePull"))
    assert never_ran(pod("Pending", conditions=[UNSCHEDULABLE]))
    for begun in (pod("Running", {"running": {}}), ended(0), init, pod("Pending", {"terminated": {}}), None):
        assert not never_ran(begun)
