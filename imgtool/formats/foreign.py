"""Disk formats that are recognised only to be refused."""

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.claims import FORMATS

_MAGIC = (
    (b"LUKS\xba\xbe", "a LUKS volume: it is encrypted, and nobody can tell what is inside"),
    (b"QED\0", "a QED image, a format that QEMU gave up"),
    (b"WithoutFreeSpace", "a Parallels image"),
    (b"WithouFreSpacExt", "a Parallels image"),
    (b"Bochs Virtual HD Image", "a Bochs image"),
    (b"COWD", "a VMDK of VMware ESX's old kind"),
)
"""First bytes; QEMU, block/*.c, the `probe` functions. oslo.utils knows LUKS and QED only."""

_CUT_OFF = (b"QFI\xfb", b"KDMV", b"vhdxfile", b"conectix")
"""What begins so and is still taken for raw is too short for its own header."""


def refuse(prefix: bytes, detected: str) -> None:
    """Raise UnsafeImageError unless `detected`, the inspector's word, is allowed, and `prefix` no other's.

    Raises ImageUnreadableError where an allowed format's header is cut off.
    """
    what = next((what for magic, what in _MAGIC if prefix.startswith(magic)), None)
    if what is None and detected == "raw" and prefix.startswith(_CUT_OFF):
        raise ImageUnreadableError("its header is cut off", hint="fetch or copy it again")
    if what is None and detected not in FORMATS:
        what = f"an image of the format {detected}, which is not read here"
    if what is not None:
        raise UnsafeImageError(f"its content is {what}", hint="convert it to qcow2 where it was made")
