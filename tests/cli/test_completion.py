"""`imgtool completion`, and what a shell is offered by it."""

import os
import subprocess
from pathlib import Path

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool

from imgtool.checks.registry import all_checks
from imgtool.cli.group import COMMANDS
from imgtool.cli.policies import PROFILE_NAMES
from imgtool.report.registry import REPORTS

CLOUDS = "clouds: {production: {}, proving: {}, test: {}}\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "clouds.yaml"
    path.write_text(CLOUDS)
    return {"OS_CLIENT_CONFIG_FILE": str(path)}


def offered(line: str, env: dict[str, str] | None = None, of: str = "bash") -> list[str]:
    """What the shell gets that completes the last word of the line."""
    words = line.split(" ")
    position = str(len(words) - 1) if of != "fish" else words[-1]
    asked = {"_IMGTOOL_COMPLETE": f"{of}_complete", "COMP_WORDS": line, "COMP_CWORD": position}
    run = imgtool(env={**asked, **(env or {})})
    assert (run.returncode, run.stderr) == (0, "")
    return [line for line in run.stdout.splitlines() if line]


def plain(line: str, env: dict[str, str] | None = None) -> list[str]:
    return [item.partition(",")[2] for item in offered(line, env) if item.startswith("plain,")]


def test_commands_with_their_help() -> None:
    assert plain("imgtool ") == list(COMMANDS)
    assert plain("imgtool c") == [name for name in COMMANDS if name.startswith("c")]
    assert f"check\n{COMMANDS['check']}" in "\n".join(offered("imgtool c", of="zsh"))
    assert f"plain,check\t{COMMANDS['check']}" in offered("imgtool ch", of="fish")
    assert "--version" in plain("imgtool --v")


def test_options_and_their_choices() -> None:
    assert {"--policy", "--select", "--baseline"} <= set(plain("imgtool check --"))
    assert plain("imgtool check --output ") == ["text", "json"]
    assert offered("imgtool check gold") == ["file,gold"]


@pytest.mark.parametrize("command", ["upload", "prepare", "copy", "retire", "doctor"])
def test_clouds_of_clouds_yaml(command: str, environment: dict[str, str]) -> None:
    assert plain(f"imgtool {command} --cloud pro", environment) == ["production", "proving"]


def test_a_clouds_yaml_that_is_broken_disturbs_nobody_who_types(tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: [")
    env = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    assert offered("imgtool upload --cloud ", env) == []


def test_checks_also_after_a_comma() -> None:
    names = [check.name for check in all_checks()]
    assert plain("imgtool explain ") == names
    assert plain("imgtool check --ignore machine") == ["machine-id"]
    assert plain("imgtool check --select machine-id,ssh") == ["machine-id,ssh-host-keys"]


def test_policies_are_profiles_or_files() -> None:
    assert plain("imgtool check --policy ") == list(PROFILE_NAMES)
    assert offered("imgtool check --policy ./my") == ["file,./my"]


def test_reports_and_topics() -> None:
    assert plain("imgtool check --report ") == [f"{form}=" for form in REPORTS]
    assert offered("imgtool check --report html=pa") == ["file,pa"]
    assert "policies" in plain("imgtool help p")


def test_completing_does_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "--output" in plain(f"imgtool check --log-file {log} --out")
    assert not log.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_imgtool(shell: str) -> None:
    run = imgtool("completion", shell)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"_IMGTOOL_COMPLETE={shell}_complete" in run.stdout


def test_bash_completes_by_it(environment: dict[str, str]) -> None:
    program = f"""
        source <({IMGTOOL} completion bash)
        COMP_WORDS=(imgtool prepare a.raw --cloud pro) COMP_CWORD=4
        $(complete -p imgtool | sed 's/.*-F \\([^ ]*\\).*/\\1/') imgtool
        echo "${{COMPREPLY[@]}}"
    """
    env = {**os.environ, **environment, "PATH": f"{IMGTOOL.parent}:{os.environ['PATH']}"}
    run = subprocess.run(["bash", "-c", program], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["production", "proving"], run.stderr


def test_another_shell_is_a_usage_error() -> None:
    assert_clean_failure(imgtool("completion", "tcsh"), 2, "bash", "zsh", "fish")


def test_completing_a_command_loads_none() -> None:
    code = (
        "import sys; from imgtool.cli.main import run; run([]); "
        "print([name for name in sys.modules if name.startswith('imgtool.cli.commands.')])"
    )
    env = {**os.environ, "_IMGTOOL_COMPLETE": "bash_complete", "COMP_WORDS": "imgtool ", "COMP_CWORD": "1"}
    run = subprocess.run(
        [IMGTOOL.parent / "python", "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"
