"""The sealed machine has no network, and its kernel the guest's own words on its root and no other."""

import json
from pathlib import Path

import pytest

from imgtool.fix.machine import SealedMachine, arguments, command_line

ODD = Path("/srv/json:{},a=b,,c:d")
MACHINE = SealedMachine(
    architecture="x86_64",
    accelerator="tcg",
    disk=ODD / "disk.raw",
    script=ODD / "script",
    kernel=ODD / "kernel",
    initrd=ODD / "initrd",
    command_line="root=UUID=1 rw",
)


def test_it_has_its_two_disks_and_nothing_that_leads_out() -> None:
    words = arguments(MACHINE, 7)
    assert "-nodefaults" in words
    assert not {"-netdev", "-nic", "-net", "-usb", "-vga"} & set(words)
    nodes = [json.loads(words[at + 1]) for at, word in enumerate(words) if word == "-blockdev"]
    assert [(one["node-name"], one.get("read-only", False)) for one in nodes] == [
        ("disk", False),
        ("script", True),
    ]
    assert all(one["driver"] == "raw" and one["file"]["driver"] == "file" for one in nodes)
    drivers = [json.loads(words[at + 1])["driver"] for at, word in enumerate(words) if word == "-device"]
    assert drivers == ["virtio-blk-pci", "virtio-blk-pci", "virtio-rng-pci"]


@pytest.mark.parametrize(
    ("own", "uuid", "root"),
    [
        ("root=UUID=a ro quiet splash", "b", "root=UUID=a"),
        ("root=/dev/sda1 ro", "b", "root=UUID=b"),
        ("root=/dev/sda1 ro", None, "root=/dev/sda1"),
        ("ro", "b", "root=UUID=b"),
        ("root=/dev/mapper/vg-root rd.lvm.lv=vg/root", "b", "root=/dev/mapper/vg-root rd.lvm.lv=vg/root"),
        ("root=/dev/vg/root", "b", "root=/dev/vg/root"),
        ("root=UUID=a rootflags=subvol=@ init=/bin/evil console=tty0", "b", "root=UUID=a rootflags=subvol=@"),
    ],
)
def test_the_command_line_keeps_what_leads_to_the_root(own: str, uuid: str | None, root: str) -> None:
    line = command_line(own, uuid, "x86_64", "/first")
    assert line.startswith(f"{root} rw console=ttyS0")
    assert line.count("init=/bin/sh") == 1
    assert "evil" not in line
    assert "rdinit=/first" in line
