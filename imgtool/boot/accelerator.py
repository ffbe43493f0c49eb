"""KVM where it really runs a guest, else TCG, QEMU's own emulation; and what QEMU may open for either.

That /dev/kvm opens proves nothing: inside some virtual machines a guest hangs in it, or crawls. So a boot
sector is started in it first, which leaves through QEMU's isa-debug-exit device (hw/misc/debugexit.c).

Besides its own libraries QEMU may open its firmware and modules, and what a machine is made of.
"""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.boot import machine
from imgtool.errors import ToolFailedError
from imgtool.model.boot import Accelerator
from imgtool.process import confined
from imgtool.process.confined import Access, library_folders
from imgtool.process.programs import Limits

KVM = Path("/dev/kvm")
DATA = tuple(map(Path, ("/usr/share/qemu", "/usr/share/seabios", "/usr/share/qemu-efi-aarch64")))
"""Option ROMs and SeaBIOS, which QEMU finds by itself."""


def machine_access(
    emulator: str,
    accelerator: Accelerator,
    image: int | None,
    *,
    data: tuple[Path, ...] = (),
    folders: tuple[Path, ...] = (),
) -> Access:
    """Return the access of a machine whose disk is the descriptor `image`, which it can only read.

    None: its disk is a file in one of `folders`, which it writes to.

    Raises ToolMissingError where `emulator` is not installed.
    """
    modules = tuple(folder / "qemu" for folder in library_folders(emulator))
    return Access(
        read=() if image is None else (image,),
        data=(*DATA, *modules, *data),
        folders=folders,
        devices=(KVM,) if accelerator == "kvm" else (),
        machine=True,
    )


PROBE_SECONDS = 2.0
"""A healthy KVM needs a quarter of a second, TCG likewise."""

DEVICE = KVM

_EXIT_PORT = 0xF4
_EXIT_VALUE = 0x10
EXIT_STATUS = _EXIT_VALUE << 1 | 1
"""What isa-debug-exit makes of the value that is written to its port."""

_DELAYS = 5000
_CODE = (
    b"\x66\xb9" + _DELAYS.to_bytes(4, "little")  # mov ecx, DELAYS
    + b"\xe6\x80"  # out 0x80, al: each leaves the guest and comes back, which is what crawls
    + b"\x66\x49\x75\xfa"  # dec ecx; jnz the line above
    + bytes((0xB0, _EXIT_VALUE, 0xE6, _EXIT_PORT))  # mov al, VALUE; out PORT, al
    + b"\xfa\xf4"  # cli; hlt
)  # fmt: skip
BOOT_SECTOR = _CODE.ljust(510, b"\0") + b"\x55\xaa"
_DISK_BYTES = 1 << 20
"""SeaBIOS does not start a disk of a single sector."""

_CRASH = re.compile(r"(killed by signal \d+).*")
"""What QEMU says last when it crashes is of use to its developers only."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The accelerator, and why this one."""

    accelerator: Accelerator
    reason: str


def choose(wanted: Literal["auto", "kvm", "tcg"], architecture: str, device: Path = DEVICE) -> Choice:
    """KVM where it runs a guest; else TCG, unless KVM was asked for: then ToolFailedError."""
    if wanted == "tcg":
        return Choice("tcg", "asked for")
    obstacle = obstacle_to_kvm(architecture, device)
    if obstacle is None:
        return Choice("kvm", "it ran a boot sector")
    if wanted == "kvm":
        raise ToolFailedError(f"KVM cannot be used here: {obstacle}", hint="--accel tcg needs no KVM")
    return Choice("tcg", f"no KVM here: {obstacle}")


def obstacle_to_kvm(architecture: str, device: Path = DEVICE) -> str | None:
    """Why KVM does not run a guest of this architecture here; None where it does."""
    if architecture != platform.machine():
        return f"the image is for {architecture}, this machine is {platform.machine()}"
    if architecture != "x86_64":
        return f"it is proven on x86_64 only, not on {architecture}"
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be opened by this user"
    return failure_of("kvm", BOOT_SECTOR)


def failure_of(
    accelerator: Accelerator, boot_sector: bytes, timeout_seconds: float = PROBE_SECONDS
) -> str | None:
    """What became of `boot_sector` if it did not leave in its time by the port, in words; else None."""
    descriptor = os.memfd_create("boot-sector")
    try:
        os.write(descriptor, boot_sector)
        os.truncate(descriptor, _DISK_BYTES)
        reader = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    finally:
        os.close(descriptor)
    try:
        argv = _command(accelerator, reader)
        confined.run(
            argv,
            machine_access(argv[0], accelerator, reader),
            timeout_seconds=timeout_seconds,
            limits=Limits(core_bytes=0),
            accept=(EXIT_STATUS,),
        )
    except ToolFailedError as error:
        reason = _CRASH.sub(r"\1", error.message)
        return f"a boot sector failed in it: {reason}"
    finally:
        os.close(reader)
    return None


def _command(accelerator: Accelerator, descriptor: int) -> list[str]:
    options = (
        *machine.bare("x86_64", accelerator, firmware=False),
        ("-m", "32M"),
        ("-device", f"isa-debug-exit,iobase={_EXIT_PORT},iosize=4"),
        *machine.read_only_file(descriptor, "sector"),
        machine.raw_node("sector", "sector-file", **{"read-only": True}),
        ("-device", "virtio-blk-pci,drive=sector,bootindex=1"),
    )
    return ["qemu-system-x86_64", *(word for option in options for word in option)]
