"""Commands that correct an fstab: run by the shell and by sed, they change that line and no other."""

import subprocess
from pathlib import Path

import pytest
from support import facts

from imgtool.checks.references import delete_from_fstab, name_root_on_command_line, rename_in_fstab, uuid_at
from imgtool.checks.registry import judge
from imgtool.model.inspection import Inspection
from imgtool.model.layout import FilesystemFacts

OTHERS = "/dev/sda10 /srv ext4 defaults 0 2\n# /dev/sda1 / ext4\n"


def run(command: str, fstab: str, tmp_path: Path) -> str:
    """The fstab after the command, which is given another path in place of /etc/fstab."""
    path = tmp_path / "fstab"
    path.write_text(fstab)
    assert "/etc/fstab" in command
    subprocess.run(["sh", "-c", command.replace("/etc/fstab", str(path))], check=True)
    return path.read_text()


DEVICES = {
    "/dev/sda1": "/dev/sda1",
    "UUID=1-2": "UUID=1-2",
    "/dev/disk/by-path/pci-0000:00:04.0-part1": "/dev/disk/by-path/pci-0000:00:04.0-part1",
    "LABEL=my\\040root": "LABEL=my root",
    "LABEL=x';touch${IFS}/tmp/no;'|y&\\": "LABEL=x';touch${IFS}/tmp/no;'|y&\\",
}
"""What stands in fstab, and the device that it means."""


@pytest.mark.parametrize(("written", "device"), DEVICES.items())
def test_a_device_gets_its_uuid(written: str, device: str, tmp_path: Path) -> None:
    reference = facts.reference(device=device)
    found = run(rename_in_fstab(reference, "new"), f"{written}\t/ ext4 defaults 0 1\n{OTHERS}", tmp_path)
    assert found == f"UUID=new\t/ ext4 defaults 0 1\n{OTHERS}"


@pytest.mark.parametrize(("written", "device"), DEVICES.items())
def test_a_line_is_taken_out(written: str, device: str, tmp_path: Path) -> None:
    reference = facts.reference(device=device)
    found = run(delete_from_fstab(reference), f"{OTHERS}{written} /srv ext4 defaults 0 2\n", tmp_path)
    assert found == OTHERS


def remedy(check: str, inspection: Inspection) -> str:
    return next(one.remedy for one in judge(inspection).findings if one.check == check)


@pytest.mark.parametrize(
    ("check", "change"), [("root-resolves", {"resolves": False}), ("fstab-stable", {"stable": False})]
)
def test_the_remedy_names_what_is_there(check: str, change: dict[str, bool]) -> None:
    in_fstab = facts.with_reference(device="UUID=old", **change)
    assert "UUID=0000-1111|' /etc/fstab" in remedy(check, in_fstab)
    on_command_line = facts.with_reference(device="UUID=old", source="/boot/grub/grub.cfg", **change)
    assert "--args=root=UUID=0000-1111`" in remedy(check, on_command_line)


def test_a_line_for_what_is_not_there_is_taken_out() -> None:
    found = remedy(
        "root-resolves", facts.with_reference(device="UUID=old", mount_point="/srv", resolves=False)
    )
    assert "`sed -i '\\|^UUID=old[[:space:]]|d' /etc/fstab`" in found


def test_a_uuid_that_is_none_is_not_put_into_a_command() -> None:
    filesystem = FilesystemFacts("partition 1", "crypto_LUKS", None, "a; reboot", "/")
    assert uuid_at(facts.guest(filesystems=(filesystem,)), "/") is None
    assert "$(findmnt -no UUID /)" in name_root_on_command_line(None)
