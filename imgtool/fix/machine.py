"""The sealed machine as QEMU's command line: no network, the guest's kernel started by QEMU itself. Pure.

The disk is a copy that it may write; a second disk has the script. Sources: qemu(1), and
nova/virt/libvirt for the disk, which is on virtio-blk as Nova's is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgtool.boot.machine import bare, device, disk_file, raw_node
from imgtool.model.boot import MIB, Accelerator

CONSOLE = {"x86_64": "ttyS0", "aarch64": "ttyAMA0"}
MEMORY_BYTES = 1024 * MIB
KEPT_OPTIONS = ("root=", "rootflags=", "rootfstype=", "rd.lvm.", "rd.md.", "rd.luks.", "ostree=")
"""What the guest's own command line says of its root."""


@dataclass(frozen=True, slots=True)
class SealedMachine:
    """One machine."""

    architecture: str
    accelerator: Accelerator
    disk: Path
    """Raw, and written to."""
    script: Path
    kernel: Path
    initrd: Path
    command_line: str
    packages: Path | None = None


def arguments(machine: SealedMachine, serial: int) -> list[str]:
    """All arguments of qemu-system-ARCHITECTURE; `serial` is a connected socket."""
    options = (
        *bare(machine.architecture, machine.accelerator, firmware=False),
        ("-m", f"{MEMORY_BYTES // MIB}M"),
        ("-smp", "1"),
        ("-no-reboot",),
        ("-kernel", str(machine.kernel)),
        ("-initrd", str(machine.initrd)),
        ("-append", machine.command_line),
        *_disks(machine),
        ("-object", "rng-random,id=random,filename=/dev/urandom"),
        device("virtio-rng-pci", rng="random"),
        ("-chardev", f"socket,id=console,fd={serial}"),
        ("-serial", "chardev:console"),
    )
    return [word for option in options for word in option]


def _disks(machine: SealedMachine) -> Iterator[tuple[str, ...]]:
    cache = {"direct": False, "no-flush": True}  # a copy in a temporary folder: nothing has to reach the disk
    yield raw_node(
        "disk", disk_file(machine.disk), cache=cache, discard="unmap", **{"detect-zeroes": "unmap"}
    )
    yield device("virtio-blk-pci", drive="disk")
    yield raw_node("script", disk_file(machine.script), **{"read-only": True})
    yield device("virtio-blk-pci", drive="script")
    if machine.packages is not None:
        yield raw_node("packages", disk_file(machine.packages), **{"read-only": True})
        yield device("virtio-blk-pci", drive="packages")


def command_line(own: str, root_uuid: str | None, architecture: str, first_program: str) -> str:
    """The kernel's: the guest's own words on its root, and ours. A root by a bus's name is named by UUID."""
    kept = [word for word in own.split() if word.startswith(KEPT_OPTIONS)]
    named = [word for word in kept if word.startswith("root=")]
    if root_uuid is not None and (not named or _is_by_bus(named[-1])):
        kept = [f"root=UUID={root_uuid}", *(word for word in kept if word not in named)]
    # norandmaps: TCG translates a program anew at each address, and mkinitramfs starts thousands.
    ours = (
        f"rw console={CONSOLE[architecture]},115200 loglevel=1 quiet panic=-1 norandmaps init=/bin/sh",
        f"rdinit={first_program} selinux=0 enforcing=0 plymouth.enable=0 systemd.show_status=0",
        "rd.systemd.show_status=0 rd.shell=0 rd.emergency=poweroff net.ifnames=0",
    )
    return " ".join((*kept, *ours))


def _is_by_bus(word: str) -> bool:
    """/dev/sda1 and its like; /dev/mapper/... and /dev/vg/lv stay as they are."""
    name = word.removeprefix("root=/dev/")
    return name != word and "/" not in name
