"""The systemd units of docs/examples: systemd takes them, and what they start does its work."""

import configparser
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.cli import IMGTOOL
from support.documentation import DOCS
from support.fixtures import fixture_path

EXAMPLES = DOCS / "examples"
SERVICE, TIMER = EXAMPLES / "imgtool-batch@.service", EXAMPLES / "imgtool-batch@.timer"
QUADLET = EXAMPLES / "imgtool-batch@.container"
KEYS_OF_QUADLETS = {
    "Image", "ContainerName", "Volume", "Environment", "ReadOnly", "NoNewPrivileges", "DropCapability",
    "LogDriver", "Exec",
}  # fmt: skip
"""Those of podman-systemd.unit(5) of podman 4.4 that are used.

podman's own generator (/usr/libexec/podman/quadlet --dryrun) is not run: Debian 12's podman is 4.3 and has
none, and no package of PyPI brings it. The test below reads the quadlet as the manual says instead."""


class Unit(dict[str, dict[str, list[str]]]):
    """A unit's sections: each key has a list of values, as it may stand there several times."""

    def __init__(self, path: Path) -> None:
        section: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = self.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                section.setdefault(key, []).append(value)


def installed(path: Path, folder: Path) -> Path:
    """A copy for a machine that has imgtool where these tests have it."""
    copy = folder / path.name
    copy.write_text(path.read_text().replace("/usr/local/bin/imgtool", str(IMGTOOL)))
    return copy


def verified(folder: Path) -> "subprocess.CompletedProcess[str]":
    """What systemd says of the units in the folder, by the instance `nightly`."""
    units = [folder / "imgtool-batch@nightly.service", folder / "imgtool-batch@nightly.timer"]
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    service = installed(SERVICE, tmp_path)
    installed(TIMER, tmp_path)
    done = verified(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    service.write_text(service.read_text().replace("ProtectHome=yes", "ProtectHome=perhaps"))
    assert "perhaps" in verified(tmp_path).stderr  # it did look


def test_the_timer_is_every_night() -> None:
    (calendar,) = Unit(TIMER)["Timer"]["OnCalendar"]
    shown = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=2", calendar],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "02:00:00" in shown.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Mapping[str, str]:
    """What the units' paths are here: a manifest that makes a file, and a place for the state."""
    (tmp_path / "state/imgtool").mkdir(parents=True)
    manifest = tmp_path / "nightly.yaml"
    manifest.write_text(f"images: [{{source: {fixture_path('data-disk')}, name: data, output: made/}}]\n")
    (tmp_path / "made").mkdir()
    return {"%S": str(tmp_path / "state"), "/etc/imgtool/%i.yaml": str(manifest), "%i": "nightly"}


def started(machine: Mapping[str, str]) -> "subprocess.Popen[str]":
    """What systemd would start, with the unit's environment."""
    service = Unit(SERVICE)["Service"]
    (command,) = service["ExecStart"]
    variables = " ".join(service["Environment"])
    for name, value in {**machine, "/usr/local/bin/imgtool": str(IMGTOOL)}.items():
        command, variables = command.replace(name, value), variables.replace(name, value)
    environment = dict(word.split("=", 1) for word in shlex.split(variables))
    return subprocess.Popen(
        shlex.split(command),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_the_service_starts_does_the_batch(machine: Mapping[str, str], tmp_path: Path) -> None:
    with started(machine) as running:
        _, log = running.communicate(timeout=120)
    assert running.returncode == 0, log
    assert (tmp_path / "made/data.qcow2").exists()
    assert {path.name for path in (tmp_path / "state/imgtool").iterdir()} >= {
        "nightly.journal", "nightly.html", "lock",
    }  # fmt: skip
    assert re.search(r"image=data|image=\S*data-disk", log), "-v logs with fields"


def test_a_second_batch_waits_for_the_first(machine: Mapping[str, str], tmp_path: Path) -> None:
    lock = tmp_path / "state/imgtool/lock"
    holder = subprocess.Popen(["flock", lock, "sleep", "2"])
    while not lock.exists():
        time.sleep(0.01)
    began = time.monotonic()
    with started(machine) as running:
        _, log = running.communicate(timeout=120)
    assert holder.wait() == 0
    assert running.returncode == 0, log
    assert time.monotonic() - began > 1


def test_the_quadlet_does_what_the_service_does() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read(QUADLET)
    assert parser.sections() == ["Unit", "Container", "Service"]
    container = Unit(QUADLET)["Container"]
    assert set(container) <= KEYS_OF_QUADLETS
    (command,), (of_the_service,) = container["Exec"], Unit(SERVICE)["Service"]["ExecStart"]
    assert of_the_service.endswith(f"imgtool {command.replace('/var/lib/', '%S/')}")
