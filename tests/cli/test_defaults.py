"""Options by the environment and by the configuration file."""

import json
import re
from pathlib import Path

import click
import pytest
from support.cli import assert_clean_failure, imgtool
from support.documentation import CHECKOUT, configuration_example
from support.fixtures import fixture_path

from imgtool.cli import defaults
from imgtool.cli.group import COMMANDS, cli

DATA = str(fixture_path("data-disk"))
POLICIES = {"data": 0, "openstack": 1}
"""Exit statuses of `imgtool check DATA`."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def checked(config: Path | None = None, *options: str, **environment: str) -> int:
    named = {} if config is None else {"IMGTOOL_CONFIG": str(config)}
    return imgtool("check", DATA, *options, env={**named, **environment}).returncode


def test_the_command_line_goes_over_the_environment_and_that_over_the_file(config: Path) -> None:
    config.write_text('[check]\npolicy = "data"\n')
    assert checked() == 1
    assert checked(config) == 0
    assert checked(config, IMGTOOL_CHECK_POLICY="openstack") == 1
    assert checked(config, "--policy", "data", IMGTOOL_CHECK_POLICY="openstack") == 0
    assert checked(None, IMGTOOL_CHECK_POLICY="data") == 0
    assert checked(None, IMGTOOL_CHECK_POLICY="") == 1


def test_an_option_that_is_repeated_takes_several(config: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.xml"
    checked(None, IMGTOOL_CHECK_REPORT=f"json={one} junit={two}")
    assert json.loads(one.read_text())["results"]
    assert two.exists()
    config.write_text('[check]\nselect = ["machine-id", "image-safe"]\nignore = "machine-id"\n')
    shown = imgtool("check", DATA, "--output", "json", env={"IMGTOOL_CONFIG": str(config)})
    (result,) = json.loads(shown.stdout)["results"]
    assert result["policy"] == "openstack --select machine-id --select image-safe --ignore machine-id"


def test_the_file_is_looked_for_in_the_user_s_configuration(tmp_path: Path) -> None:
    for place, variables in {
        ".config": {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""},
        "xdg": {"HOME": "/nonexistent", "XDG_CONFIG_HOME": str(tmp_path / "xdg")},
    }.items():
        file = tmp_path / place / "imgtool/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text('[check]\npolicy = "data"\n')
        assert checked(IMGTOOL_CONFIG="", **variables) == 0
    assert checked(IMGTOOL_CONFIG="", HOME="/nonexistent", XDG_CONFIG_HOME="not/absolute") == 1


def test_what_stands_above_the_tables_is_for_every_command(config: Path) -> None:
    config.write_text('output = "json"\n[check]\noutput = "text"\n')
    env = {"IMGTOOL_CONFIG": str(config)}
    assert json.loads(imgtool("explain", env=env).stdout)["checks"]
    assert imgtool("check", DATA, env=env).stdout.startswith(f"FAIL  {DATA}")
    assert imgtool("completion", "bash", env=env).returncode == 0


def test_common_keys_are_options_of_most_commands() -> None:
    found = [cli.get_command(click.Context(cli), name) for name in COMMANDS]
    commands = [one for one in found if one is not None]
    for key in defaults.COMMON:
        having = [
            one for one in commands if f"--{key}" in {name for each in one.params for name in each.opts}
        ]
        assert len(having) > len(commands) / 2, key


def test_who_is_told_json_is_told_errors_so_too(config: Path) -> None:
    missing = imgtool("inspect", "/nonexistent", env={"IMGTOOL_INSPECT_OUTPUT": "json"})
    assert json.loads(missing.stdout)["error"]["code"] == "image-unreadable"
    config.write_text('output = "json"\n')
    env = {"IMGTOOL_CONFIG": str(config)}
    assert json.loads(imgtool("check", "--nonsense", env=env).stdout)["error"]["code"] == "usage"
    assert_clean_failure(imgtool("inspect", "/nonexistent", "--output", "text", env=env), 3, "/nonexistent")
    assert_clean_failure(imgtool("inspect", "/nonexistent", "--output=text", env=env), 3, "/nonexistent")


def test_who_is_told_progress_as_json_has_nothing_else_on_stderr() -> None:
    variable = {"IMGTOOL_CONVERT_PROGRESS": "json"}
    missing = imgtool("convert", "/nonexistent", "/nonexistent.qcow2", env=variable)
    assert [json.loads(line)["message_type"] for line in missing.stderr.splitlines()][-1] == "error"
    plain = imgtool("convert", "/nonexistent", "/nonexistent.qcow2", "--progress=never", env=variable)
    assert plain.stderr.startswith("imgtool: error: ")


MISTAKES = {
    "[chek]": "did you mean check?",
    "[check]\npolicie = 1": "did you mean policy?",
    "[check]\n--policy = 1": "did you mean policy?",
    "policy = 1": "policy",
    "ouput = 'json'": "did you mean output?",
    "[check]\npolicy = ['data']": "leave the brackets out",
    "[check]\npolicy = {a = 1}": "text, numbers",
    "[check]\nselect = [[1]]": "text, numbers",
    "[check]\noutput = 'yaml'": "config.toml says",
    "[check]\nboot = 'maybe'": "config.toml says",
    "check = 1": "above the tables",
    "[check]\npolicy 1": "line 2",
    '[check]\npolicy = "\\x00"': "no valid TOML",
    "a = " + "[" * 5000: "no valid TOML",
    "\ud800": "no valid TOML",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_the_file_is_a_usage_error_that_names_it(text: str, config: Path) -> None:
    config.write_bytes(text.encode(errors="surrogatepass"))
    failed = imgtool("check", DATA, env={"IMGTOOL_CONFIG": str(config)})
    assert_clean_failure(failed, 2, "config.toml", MISTAKES[text])


def test_a_file_that_cannot_be_read_is_a_usage_error(config: Path, tmp_path: Path) -> None:
    missing = imgtool("check", DATA, env={"IMGTOOL_CONFIG": str(config)})
    assert_clean_failure(missing, 2, "config.toml: does not exist", "IMGTOOL_CONFIG")
    folder = imgtool("check", DATA, env={"IMGTOOL_CONFIG": str(tmp_path)})
    assert_clean_failure(folder, 2, "cannot be read")
    config.write_text("#" * (defaults.MAX_BYTES + 1))
    assert_clean_failure(imgtool("check", DATA, env={"IMGTOOL_CONFIG": str(config)}), 2, "larger than")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("IMGTOOL_CHECK_POLICI", "data", "did you mean IMGTOOL_CHECK_POLICY?"),
        ("IMGTOOL_CHECK_OUTPUT", "yaml", "the environment variable IMGTOOL_CHECK_OUTPUT says"),
        ("IMGTOOL_CHECK_BOOT", "maybe", "the environment variable IMGTOOL_CHECK_BOOT says"),
    ],
)
def test_a_mistake_in_the_environment_is_a_usage_error(variable: str, value: str, told: str) -> None:
    assert_clean_failure(imgtool("check", DATA, env={variable: value}), 2, told)


def test_the_program_s_own_options_are_not_set_so() -> None:
    shown = imgtool("explain", "machine-id", env={"IMGTOOL_VERSION": "1.2", "IMGTOOL_VERBOSE": "1"})
    assert shown.stdout.startswith("machine-id")


def test_the_log_says_what_was_set(config: Path) -> None:
    config.write_text("[inspect]\nverbose = 1\n")
    env = {"IMGTOOL_CONFIG": str(config), "IMGTOOL_INSPECT_PROGRESS": "never"}
    shown = imgtool("inspect", DATA, env=env)
    assert "progress by the environment variable IMGTOOL_INSPECT_PROGRESS" in shown.stderr
    assert f"verbose by the configuration file {config}" in shown.stderr


def test_the_file_of_the_manual_is_taken(config: Path) -> None:
    config.write_text(configuration_example())
    shown = imgtool("check", DATA, env={"IMGTOOL_CONFIG": str(config)})
    assert shown.returncode in (0, 1), shown.stderr


def test_no_other_variable_of_imgtool_is_taken_for_an_option() -> None:
    text = "".join(path.read_text() for path in (CHECKOUT / "imgtool").rglob("*.py"))
    others = {*re.findall(r"\bIMGTOOL_[A-Z_]+", text), "IMGTOOL_TEST_RUN", "IMGTOOL_TEST_OWNER"}
    others -= {"IMGTOOL_CHECK_POLICY"}
    begin = tuple(f"IMGTOOL_{name}_".upper() for name in COMMANDS)
    assert [one for one in others if one.startswith(begin)] == []
