"""A real Btrfs whose subvolumes are renamed: GRUB, the command line and fstab find them by their names."""

import json
import shutil
from pathlib import Path

import pytest
from support.cli import imgtool
from support.fixtures import fixture_path
from support.real_guest import mounted

HOME = "UUID=11111111-2222-4333-8444-555555555501 /home btrfs subvol=@home 0 0\n"


def said(image: Path) -> dict[str, str]:
    """What is not passed of the checks whose severity is error."""
    (result,) = json.loads(imgtool("check", image, "--output", "json").stdout)["results"]
    findings = [one for one in result["findings"] if one["severity"] == "error"]
    return {one["check"]: one["outcome"] for one in findings if one["outcome"] not in {"pass", "skipped"}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("@home", "@home", {}),
        ("@home", "@away", {"local-mounts": "fail"}),
        ("@", "@renamed", {"boot-loader": "fail", "system-found": "unknown"}),
    ],
)
def test_a_subvolume_that_was_renamed(old: str, new: str, expected: dict[str, str], tmp_path: Path) -> None:
    image = tmp_path / "guest.raw"
    shutil.copy(fixture_path("btrfs-subvolumes"), image)
    with mounted(image, 2, tmp_path / "top") as top:
        with (top / "@/etc/fstab").open("a") as fstab:
            fstab.write(HOME)
        (top / old).rename(top / new)
    assert said(image) == expected
