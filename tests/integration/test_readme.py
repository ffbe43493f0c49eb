"""Every command in the README runs as it stands there, in one folder, one after the other."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.glance_client import forget
from support.policies import manifest_example, policy_example

from imgtool.cli.main import COMMANDS, EPILOG, cli

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text()

ELSEWHERE = {
    "scripts/quickstart": "tests/integration/test_quickstart.py",
    "scripts/test": "it is what runs this",
    "scripts/setup": "scripts/test runs it first",
    "scripts/fuzz": "tests/fuzz runs it for a shorter time",
    "scripts/cluster-demo": "tests/test_cluster_demo.py",
    "imgtool boot": "tests/integration/test_boot.py",
    "dask": "tests/integration/test_cluster_refused.py",
    "imgtool batch images.yaml --scheduler": "tests/integration/test_cluster_refused.py",
}
"""Commands that are run by something else, by how they begin."""


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_there_are_commands_and_two_of_them_stand_first() -> None:
    assert commands()[:2] == ["scripts/quickstart", "scripts/test"]
    assert len(commands()) > 10


def test_what_is_run_elsewhere_is_there() -> None:
    for command, where in ELSEWHERE.items():
        if command.startswith("scripts/"):
            assert shutil.which(CHECKOUT / command), command
        if where.startswith("tests/"):
            assert (CHECKOUT / where.split()[0]).exists(), where


def test_every_command_of_imgtool_is_shown() -> None:
    shown = {word for command in commands() for word in command.split()}
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    long = [option for one in command.params for option in one.opts if option.startswith("--")]
    assert long
    assert [option for option in long if not re.search(rf"{option}(?![\w-])", README)] == []


def test_no_option_is_documented_that_there_is_not() -> None:
    there = {"--help", "--version", "--os-cloud"}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        there |= {option for one in command.params for option in one.opts}
    ours = re.sub(r"^(dask|scripts/\S+) .*$|scripts/\S+ --\S+", "", README, flags=re.MULTILINE)
    documented = re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)
    assert sorted(set(documented) - there) == []


def test_every_exit_status_is_listed() -> None:
    listed = set(re.findall(r"^\| (\d+) \|", README, re.MULTILINE))
    assert listed == set(re.findall(r"\b(\d+) [a-zG]", EPILOG))


def test_every_dependency_has_its_reason() -> None:
    declared = re.findall(
        r'^  "([A-Za-z0-9.-]+)[><=]', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE
    )
    table = README.partition("## Dependencies")[2].partition("## Licence")[0]
    for name in declared[: declared.index("openstacksdk") + 1]:
        short = name.removeprefix("dissect") if name.startswith("dissect.") else name
        assert short in table, name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, debian_image: Path) -> Iterator[Path]:
    """A folder with the images that the README speaks of, and the scripts beside them; gone afterwards."""
    path = tmp_path_factory.mktemp("readme")
    subprocess.run(["cp", "--sparse=always", debian_image, path / "golden.raw"], check=True)
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", debian_image, path / "vendor.qcow2"]
    subprocess.run(convert, check=True)
    (path / "policy.yaml").write_text(policy_example())
    (path / "images.yaml").write_text(manifest_example())
    (path / "scripts").symlink_to(CHECKOUT / "scripts")
    (path / ".venv").symlink_to(sys.prefix)
    yield path
    shutil.rmtree(path)


def test_every_command_runs(folder: Path, devcloud) -> None:
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    for command in commands():
        if command.startswith(tuple(ELSEWHERE)):
            continue
        run = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
    forget("debian-", "vendor")
