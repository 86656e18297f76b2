from __future__ import annotations

import re
from pathlib import Path

import pytest

from lading.config import OPTIONS, Settings, load, mask, provider_options
from lading.errors import ConfigError


def load_from(values: dict[str, str], home: Path = Path("/srv/airflow")) -> Settings:
    return load(values.get, lambda option: f"airflow.cfg [{option}]", home=home)


def test_without_configuration_everything_has_its_default_and_says_so() -> None:
    settings = load_from({})
    assert settings.store == "file:///srv/airflow/lading"
    assert settings.environments == Path("/srv/airflow/lading-environments")
    assert (settings.default_target, settings.inline_limit, settings.allow_pickle) == ("local", 1024, False)
    assert (settings.infra_retries, settings.lineage_budget_s) == (3, 2.0)
    assert set(settings.origins.values()) == {"default"}


def test_home_follows_airflow_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/opt/af")
    assert load(lambda _: None, str).store == "file:///opt/af/lading"


def test_a_value_that_is_set_remembers_where() -> None:
    settings = load_from({"store": " s3://bucket/x ", "allow_pickle": "yes", "inline_limit": ""})
    assert settings.store == "s3://bucket/x"
    assert settings.allow_pickle is True
    assert settings.origins["store"] == "airflow.cfg [store]"
    assert settings.origins["inline_limit"] == "default"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("inline_limit", "1201"),
        ("inline_limit", "many"),
        ("inline_limit", "-1"),
        ("infra_retries", "1.5"),
        ("lineage_budget_s", "nan"),
        ("allow_pickle", "perhaps"),
        ("poll_interval_s", "0"),
    ],
)
def test_a_wrong_value_names_itself_its_origin_and_what_is_expected(option: str, text: str) -> None:
    with pytest.raises(ConfigError) as e:
        load_from({option: text})
    message = str(e.value)
    assert text in message
    assert f"airflow.cfg [{option}]" in message
    assert "expected" in message


def test_malformed_json_names_line_and_column() -> None:
    with pytest.raises(ConfigError, match=r"line 2, column 11 \(airflow\.cfg \[targets\]\)"):
        load_from({"targets": '{"a":\n {"image" 3}}'})


def test_malformed_toml_names_file_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text("[docker]\nimage = \n")
    with pytest.raises(ConfigError, match=rf"{re.escape(str(file))} is not TOML: .*line 2, column 9"):
        load_from({"targets_file": str(file)})


def test_an_absent_targets_file_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml' cannot be read: No such file"):
        load_from({"targets_file": str(tmp_path / "none.toml")})


def test_targets_come_from_json_and_toml_together(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text('[slow]\nbackend = "venv"\n')
    settings = load_from({"targets": '{"fast": {"backend": "local"}}', "targets_file": str(file)})
    assert {n: e.source for n, e in settings.targets.items()} == {
        "slow": str(file),
        "fast": "airflow.cfg [targets]",
    }
    with pytest.raises(ConfigError, match="'slow' is defined twice"):
        load_from({"targets": '{"slow": {"backend": "local"}}', "targets_file": str(file)})


@pytest.mark.parametrize("text", ['{"a": {}, "a": {}}', "[]", '{"a": 1}', '"docker"'])
def test_targets_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"airflow\.cfg \[targets\]"):
        load_from({"targets": text})


def test_provider_options_state_all_that_airflow_requires() -> None:
    options = provider_options()["lading"]["options"]
    assert set(options) == set(OPTIONS)
    for option in options.values():
        assert set(option) == {"description", "version_added", "type", "example", "default"}
        assert option["type"] in ("string", "boolean", "integer", "float")
        assert option["description"]


def test_every_default_and_example_is_a_valid_value() -> None:
    for name, option in OPTIONS.items():
        if name not in ("targets_file",):
            load_from({name: option.example})
        if option.default is not None:
            load_from({name: option.default})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("s3://user:hunter2@minio:9000/b", "s3://***@minio:9000/b"),
        ("abfss://box@account.dfs.core.windows.net/x", "abfss://box@account.dfs.core.windows.net/x"),
        ("https://h/x?sig=hunter2&a=1", "https://h/x?sig=***&a=1"),
        ({"env": {"WANDB_API_KEY": "hunter2", "MODE": "x"}}, {"env": {"WANDB_API_KEY": "***", "MODE": "x"}}),
        ({"password": ["hunter2"]}, {"password": ["***"]}),
        (3, 3),
    ],
)
def test_secrets_are_masked_and_the_rest_is_left_alone(value: object, shown: object) -> None:
    assert mask(value) == shown
