"""Words go from GRUB's settings by sed itself; which words a finding means is read from its evidence."""

import re
import subprocess
from pathlib import Path

import pytest
from support import facts

from imgtool.fix.command_line import GRUB, named_by_bus, root_by_uuid, told_by, without
from imgtool.model.facts import Known
from imgtool.model.linux import LinuxFacts

SETTINGS = """\
# GRUB_CMDLINE_LINUX="pci=off"
GRUB_DISABLE_LINUX_UUID=true
GRUB_CMDLINE_LINUX="pci=off root=/dev/sda2 console=ttyS0"
GRUB_CMDLINE_LINUX_DEFAULT='quiet xpci=off pci=offx root=/dev/mapper/vg-root pci=off'
"""


def edited(script: str, settings: str, folder: Path) -> str:
    """What the script makes of the settings, as far as it needs no program of a guest."""
    file = folder / "grub"
    file.write_text(settings)
    edits = script.removesuffix(GRUB).replace("/etc/default/grub ", f"{file} ")
    edits = re.sub(r"^uuid=.*\n", "", edits)
    subprocess.run(["dash", "-ec", edits], check=True)
    return file.read_text()


def test_a_word_goes_and_what_looks_like_it_stays(tmp_path: Path) -> None:
    found = edited(without(["pci=off", "quiet"]), SETTINGS, tmp_path)
    assert found == (
        '# GRUB_CMDLINE_LINUX=""\nGRUB_DISABLE_LINUX_UUID=true\n'
        'GRUB_CMDLINE_LINUX=" root=/dev/sda2 console=ttyS0"\n'
        "GRUB_CMDLINE_LINUX_DEFAULT=' xpci=off pci=offx root=/dev/mapper/vg-root '\n"
    )


def test_the_root_by_a_bus_goes_and_no_other(tmp_path: Path) -> None:
    found = edited(root_by_uuid(), SETTINGS, tmp_path)
    assert "/dev/sda2" not in found
    assert "root=/dev/mapper/vg-root" in found
    assert "\n#GRUB_DISABLE_LINUX_UUID=true\n" in found


def linux(command_line: str) -> LinuxFacts:
    return facts.linux(command_line=Known(command_line, "grub.cfg"))


@pytest.mark.parametrize(
    ("line", "evidence", "words"),
    [
        ("ro pci=off quiet", "kernel command line: pci=off", ("pci=off",)),
        ("a systemd.machine_id=12", "kernel command line: systemd.machine_id=", ("systemd.machine_id=12",)),
        ("a single b", "the kernel's command line: single", ("single",)),
        ("a single b", "the kernel's command line: single-user", ()),
        ("root=/dev/sda1 console=tty0", "the kernel's command line: root=/dev/sda1 console=tty0", ()),
        ("init=$(reboot)", "the kernel's command line: init=$(reboot)", ()),
        ("quiet", "the kernel's command line", ()),
    ],
)  # fmt: skip
def test_the_evidence_names_the_word(line: str, evidence: str, words: tuple[str, ...]) -> None:
    assert told_by(linux(line), evidence) == words


@pytest.mark.parametrize(
    ("line", "by_bus"),
    [
        ("root=/dev/sda1", True), ("ro root=/dev/nvme0n1p2", True), ("root=/dev/xvda1", True),
        ("root=UUID=1", False), ("root=/dev/mapper/vg-root", False), ("root=/dev/vg/root", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_root_named_by_its_bus(line: str, by_bus: bool) -> None:
    assert named_by_bus(linux(line)) is by_bus
