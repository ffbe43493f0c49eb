"""What `imgtool init` writes for a CI: its shell commands are run as that CI runs them, with little else."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.cli import imgtool
from support.documentation import CHECKOUT
from support.fixtures import fixture_path
from support.images import convert
from support.packaging import build

PACKAGES = re.compile(r"apt-get install --yes --no-install-recommends (.*)")
INSTALL = ["python3 -m venv .imgtool", '.imgtool/bin/pip install --quiet "$WHEEL"']


class Job(NamedTuple):
    """What a CI does."""

    variables: Mapping[str, str]
    install: list[str]
    """Lines of shell; without those that need a package manager."""
    check: str
    packages: set[str]
    reports: list[str]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def gitlab(folder: Path) -> Job:
    job = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())["check-images"]
    before, (check,) = job["before_script"], job["script"]
    reports = job["artifacts"]["reports"]
    return _job(job["variables"], before, check, [reports["junit"], reports["codequality"]])


def github(folder: Path) -> Job:
    job = yaml.safe_load((folder / ".github/workflows/images.yml").read_text())["jobs"]["check-images"]
    _, install, check, sarif = job["steps"]
    commands = [line.removeprefix("sudo ") for line in lines(install["run"])]
    return _job(job["env"], commands, check["run"].strip(), [sarif["with"]["sarif_file"], "summary.md"])


def jenkins(folder: Path) -> Job:
    text = (folder / "Jenkinsfile").read_text()
    variables = dict(re.findall(r"(\w+) = '([^']*)'", text))
    install, check = re.findall(r"sh '''(.*?)'''", text, re.DOTALL)
    needed = set(re.findall(r"python3-venv|qemu-utils|libmagic1", text.partition("pipeline {")[0]))
    return Job(variables, lines(install), check.strip(), needed, ["imgtool-junit.xml", "imgtool.html"])


def zuul(folder: Path) -> Job:
    job = yaml.safe_load((folder / ".zuul.yaml").read_text())[0]["job"]
    (play,) = yaml.safe_load((folder / job["run"]).read_text())
    packages, install, check = play["tasks"]
    given = {f"{{{{ {name} }}}}": value for name, value in job["vars"].items()}
    variables = {**install["environment"], **check["environment"]}
    return Job(
        {name: given[value] for name, value in variables.items()},
        lines(install["ansible.builtin.shell"]),
        check["ansible.builtin.shell"].strip(),
        set(packages["ansible.builtin.apt"]["name"]),
        ["imgtool.html"],
    )


def _job(variables: Any, before: list[str], check: str, reports: list[str]) -> Job:
    (packages,) = PACKAGES.findall("\n".join(before))
    shell = [line for line in before if not line.startswith("apt-get ")]
    return Job(variables, shell, check, set(packages.split()), reports)


JOBS = {"gitlab": gitlab, "github": github, "jenkins": jenkins, "zuul": zuul}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an image, in which imgtool was installed by the lines that all four have."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "images").mkdir()
    convert(fixture_path("data-disk"), folder / "images/data.qcow2", "raw", "qcow2")
    (wheel,) = build(tmp_path_factory.mktemp("wheel")).glob("*.whl")
    done = shell("\n".join(INSTALL), folder, WHEEL=str(wheel))
    assert done.returncode == 0, done.stderr
    return folder


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a CI runs it: bash that stops at the first failure, and an environment with next to nothing."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", JOBS)
def test_its_check_judges_the_images_of_the_repository(name: str, repository: Path) -> None:
    assert imgtool("init", name, "--dir", repository, "--force").returncode == 0
    job = JOBS[name](repository)
    assert job.install == INSTALL
    summary = {"GITHUB_STEP_SUMMARY": str(repository / "summary.md")}
    by_default = shell(job.check, repository, **job.variables, **summary)
    assert by_default.returncode == 1, by_default.stderr
    assert "no Linux or Windows system was found" in by_default.stdout
    assert all((repository / report).stat().st_size for report in job.reports)
    passes = shell(job.check, repository, **{**job.variables, "POLICY": "data"}, **summary)
    assert passes.returncode == 0, passes.stderr


@pytest.mark.parametrize("name", JOBS)
def test_it_installs_what_imgtool_needs(name: str, repository: Path) -> None:
    assert imgtool("init", name, "--dir", repository, "--force").returncode == 0
    listed = (CHECKOUT / "scripts/debian-packages").read_text()
    runtime = set(re.findall(r"^runtime +(\S+)", listed, re.MULTILINE))
    assert {"python3-venv", "qemu-utils", "libmagic1"} <= JOBS[name](repository).packages <= runtime
