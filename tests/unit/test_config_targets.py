from __future__ import annotations

import json
from pathlib import Path

import pytest

from lading.config import Settings, load, merge, resolve_target
from lading.errors import ConfigError, UnknownTarget
from lading.resources import GPU, Resources

BACKENDS = ("local", "venv", "docker", "kubernetes")
TARGETS = {
    "docker": {"image": "python:3.12-slim", "env": {"A": "1", "B": "1"}, "resources": {"cpu": 1}},
    "big": {
        "backend": "docker",
        "env": {"B": "2"},
        "resources": {"memory": "8GiB"},
        "requirements": ["pandas"],
    },
    "gpu-pool": {
        "backend": "kubernetes",
        "namespace": "ml",
        "resources": {"gpu": {"type": "l4", "count": 2}},
    },
}


def settings_with(targets: dict[str, object], **options: str) -> Settings:
    values = {"targets": json.dumps(targets), **options}
    return load(values.get, lambda option: f"variable {option}", home=Path("/srv"))


SETTINGS = settings_with(TARGETS)


def test_a_bare_backend_is_a_target() -> None:
    assert resolve_target(SETTINGS, "venv", BACKENDS).backend == "venv"


def test_no_on_means_the_default_target_and_says_who_chose_it() -> None:
    target = resolve_target(settings_with(TARGETS, default_target="big"), None, BACKENDS)
    assert (target.name, target.backend) == ("big", "docker")
    assert target.origins["backend"] == "target big (variable targets)"
    assert resolve_target(SETTINGS, None, BACKENDS).backend == "local"


def test_a_target_inherits_the_defaults_of_its_backend_key_by_key() -> None:
    target = resolve_target(SETTINGS, "big", BACKENDS)
    assert target.image == "python:3.12-slim"
    assert target.env == {"A": "1", "B": "2"}
    assert target.resources == Resources(cpu=1, memory="8GiB")
    assert target.requirements == ("pandas",)
    assert target.origins["image"] == "target docker (variable targets)"


def test_step_arguments_win_over_the_target() -> None:
    target = resolve_target(SETTINGS, "big", BACKENDS)
    arguments = {"image": "mine", "resources": Resources(cpu=4), "env": {"A": "9"}, "python": None}
    merged = merge(target, arguments)
    assert merged.image == "mine"
    assert merged.resources == Resources(cpu=4, memory="8GiB")
    assert merged.env == {"A": "9", "B": "2"}
    assert merged.origins["image"] == "step argument"
    assert merged.requirements == ("pandas",)


def test_an_unknown_target_lists_what_there_is_and_the_nearest_spelling() -> None:
    with pytest.raises(UnknownTarget) as e:
        resolve_target(SETTINGS, "gpu-pol", BACKENDS)
    message = str(e.value)
    assert "targets: big, docker, gpu-pool" in message
    assert "backends: docker, kubernetes, local, venv" in message
    assert message.endswith("did you mean 'gpu-pool'?")


def test_an_unknown_default_target_names_the_variable_that_set_it() -> None:
    with pytest.raises(UnknownTarget, match=r"'nope' .*\(variable default_target\)"):
        resolve_target(settings_with({}, default_target="nope"), None, BACKENDS)


def test_an_unknown_key_names_the_source_and_the_nearest_key() -> None:
    settings = settings_with({"x": {"backend": "docker", "imgae": "a"}})
    with pytest.raises(ConfigError, match=r"'imgae' \(variable targets\); known: .*did you mean 'image'\?"):
        resolve_target(settings, "x", BACKENDS)


def test_a_backends_own_keys_are_known_to_that_backend_only() -> None:
    target = resolve_target(SETTINGS, "gpu-pool", BACKENDS, {"kubernetes": ["namespace"]}.__getitem__)
    assert target.extra == {"namespace": "ml"}
    assert target.resources.gpu == GPU("l4", 2)
    with pytest.raises(ConfigError, match="'namespace'"):
        resolve_target(SETTINGS, "gpu-pool", BACKENDS)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"backend": "slrm"}, "'slrm' of target 'x' is not installed"),
        ({"image": "a"}, "'x' has no backend"),
        ({"backend": "docker", "image": 3}, "image of target 'x' is 3"),
        ({"backend": "docker", "env": {"A": 1}}, "A is 1; put it in quotes"),
        ({"backend": "docker", "requirements": "  "}, "requirements of target 'x'"),
        ({"backend": "docker", "requirements": [1]}, "a list of requirement lines"),
        ({"backend": "docker", "resources": {"cpus": 1}}, "unknown resource 'cpus'"),
        ({"backend": "docker", "resources": {"gpu": {"kind": "l4"}}}, "resources of target 'x'"),
        ({"backend": "docker", "resources": {"memory": "lots"}}, "'lots' is not understood"),
        ({"backend": "docker", "resources": {"cpu": "four"}}, "resources of target 'x'"),
        ({"backend": "docker", "mount": "/srv"}, "expected a table"),
    ],
)
def test_a_wrong_target_is_refused_with_its_source(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as e:
        resolve_target(settings_with({"x": keys}), "x", BACKENDS)
    assert words in str(e.value)
    assert "variable targets" in str(e.value)


def test_a_target_named_as_another_backend_is_refused() -> None:
    with pytest.raises(ConfigError, match="named as a backend but has backend 'venv'"):
        resolve_target(settings_with({"docker": {"backend": "venv"}}), "docker", BACKENDS)


def test_a_step_argument_that_no_target_takes_is_refused() -> None:
    with pytest.raises(ConfigError, match="'imgae'"):
        merge(resolve_target(SETTINGS, "big", BACKENDS), {"imgae": "x"})
