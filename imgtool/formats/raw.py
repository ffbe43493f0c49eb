"""What must not pass as raw although no header of an allowed format is there."""

from imgtool.errors import UnsafeImageError

_OTHER_FORMATS = (
    (b"LUKS\xba\xbe", "a LUKS volume: it is encrypted, and nobody can tell what is inside"),
    (b"QED\0", "a QED image, a format that was given up"),
    (b"WithoutFreeSpace", "a Parallels image"),
    (b"WithouFreSpacExt", "a Parallels image"),
    (b"Bochs Virtual HD Image", "a Bochs image"),
)
"""First bytes; QEMU, block/*.c, the `probe` functions. oslo.utils knows LUKS 1 and QED only."""


def refuse_other_formats(prefix: bytes) -> None:
    """Raise UnsafeImageError where the content is a disk format that is not read here."""
    for magic, what in _OTHER_FORMATS:
        if prefix.startswith(magic):
            raise UnsafeImageError(f"its content is {what}", hint="convert it to qcow2 where it was made")
