"""`--boot` of check and prepare: what it makes of its options, and when it starts nothing."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.cli import assert_clean_failure, imgtool

from imgtool.cli.boot_options import boot
from imgtool.errors import UsageError
from imgtool.model.boot import BootOptions


def gathered(*arguments: str) -> BootOptions | None:
    """What a command gets."""
    got: list[BootOptions | None] = []

    @click.command()
    @boot
    def command(boot: BootOptions | None) -> None:
        got.append(boot)

    CliRunner().invoke(command, list(arguments), catch_exceptions=False, standalone_mode=False)
    return got[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), None),
        (("--boot",), BootOptions()),
        (("--boot", "--bus", "virtio-scsi"), BootOptions(buses=("virtio-scsi",))),
        (("--boot", "--bus", "all"), BootOptions(buses=("virtio-blk", "virtio-scsi"))),
        (("--boot", "--boot-timeout", "20"), BootOptions(timeout_seconds=20)),
    ],
)
def test_the_options_become_one_value(arguments: tuple[str, ...], expected: BootOptions | None) -> None:
    assert gathered(*arguments) == expected


@pytest.mark.parametrize(("option", "value"), [("--bus", "all"), ("--boot-timeout", "20")])
def test_how_to_boot_says_nothing_where_no_boot_is_asked_for(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=option):
        gathered(option, value)


@pytest.mark.parametrize("command", [["check"], ["prepare", "--cloud", "none"]], ids=["check", "prepare"])
def test_a_mistake_is_told_as_one(command: list[str], tmp_path: Path) -> None:
    run = imgtool(*command, tmp_path / "image.raw", "--bus", "all")
    assert_clean_failure(run, 2, "--bus")
    assert "--boot" in run.stderr


def test_what_fails_already_is_not_started(tmp_path: Path) -> None:
    image = tmp_path / "empty.raw"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    run = imgtool("check", image, "--boot", "--output", "json", env={"PATH": "/usr/bin:/bin"})
    (result,) = json.loads(run.stdout)["results"]
    assert run.returncode == 1
    assert "boots" not in result
    outcomes = {one["check"]: one["outcome"] for one in result["findings"]}
    assert outcomes["boots-on-virtio-blk"] == "skipped"
