"""Disk formats, and what goes with disks, that are recognised only to be refused."""

import struct
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.claims import FORMATS
from imgtool.formats.source import ReadAt

PREFIX_BYTES = 1024
"""As many of the first bytes as are looked at."""


class _Foreign(NamedTuple):
    what: str
    way_out: str = "convert it to qcow2 where it was made"


def _by_qemu(what: str, driver: str) -> _Foreign:
    return _Foreign(what, f"if you trust it, convert it: qemu-img convert -f {driver} -O qcow2 SOURCE TARGET")


_LUKS = "a LUKS volume: it is encrypted, and nobody can tell what is inside"
_EWF = _Foreign(
    "an EWF image (EnCase), a copy of a disk as evidence", "export its disk: ewfexport -f raw SOURCE"
)
_DMG = _by_qemu("an Apple disk image (DMG)", "dmg")
_MAGIC = (
    (b"LUKS\xba\xbe", _Foreign(_LUKS, "decrypt it where it was made")),
    (b"QED\0", _by_qemu("a QED image, a format that QEMU gave up", "qed")),
    (b"WithoutFreeSpace", _by_qemu("a Parallels image", "parallels")),
    (b"WithouFreSpacExt", _by_qemu("a Parallels image", "parallels")),
    (b"Bochs Virtual HD Image", _by_qemu("a Bochs image", "bochs")),
    (b"COWD", _by_qemu("a VMDK of VMware ESX's old kind (COWD)", "vmdk")),
    (b"EVF\x09\r\n\xff\0", _EWF),
    (b"EVF2\r\n\x81\0", _EWF),
    (b"LVF\x09\r\n\xff\0", _Foreign("an EWF archive of files (EnCase, L01)", "it holds no disk")),
)
"""First bytes; QEMU, block/*.c, the `probe` functions; libewf, ewf_signatures. oslo.utils knows LUKS and QED
only."""

_CUT_OFF = (b"QFI\xfb", b"KDMV", b"vhdxfile", b"conectix")
"""What begins so and is still taken for raw is too short for its own header."""

_TRAILER = struct.Struct(">4sII")
_TRAILER_BYTES = 512
_DMG_TRAILER = (b"koly", 4, _TRAILER_BYTES)
"""Its signature, version and length; QEMU, block/dmg.c, takes the signature alone, by the file's name."""


def refuse(prefix: bytes, detected: str) -> None:
    """Raise UnsafeImageError unless `detected`, the inspector's word, is allowed, and `prefix` no other's.

    Raises ImageUnreadableError where an allowed format's header is cut off.
    """
    found = next((one for magic, one in _MAGIC if prefix.startswith(magic)), None)
    if found is None and detected == "raw" and prefix.startswith(_CUT_OFF):
        raise ImageUnreadableError("its header is cut off", hint="fetch or copy it again")
    if found is None and detected not in FORMATS:
        found = _Foreign(f"an image of the format {detected}, which is not read here")
    if found is not None:
        raise UnsafeImageError(f"its content is {found.what}", hint=found.way_out)


def refuse_in_raw(read_at: ReadAt, size_bytes: int) -> None:
    """What would pass for a raw disk, unless somebody says that it is one: by its end, or by its use.

    Raises UnsafeImageError for a DMG, ImageUnreadableError for a kernel.
    """
    if _is_kernel(read_at(0, PREFIX_BYTES)):
        raise ImageUnreadableError(
            "not a disk image: it is a Linux kernel", hint="give the disk image that it boots, or belongs to"
        )
    trailer = read_at(size_bytes - _TRAILER_BYTES, _TRAILER.size) if size_bytes >= _TRAILER_BYTES else b""
    if len(trailer) == _TRAILER.size and _TRAILER.unpack(trailer) == _DMG_TRAILER:
        raise UnsafeImageError(f"its content is {_DMG.what}", hint=_DMG.way_out)


def _is_kernel(prefix: bytes) -> bool:
    """It is x86's, which has a boot sector's signature as well, or ARM's.

    Linux, Documentation/arch/x86/boot.rst and Documentation/arch/arm64/booting.rst."""
    x86 = prefix[0x1FE:0x200] == b"\x55\xaa" and prefix[0x202:0x206] == b"HdrS"
    return x86 or prefix[0x38:0x3C] == b"ARM\x64"
