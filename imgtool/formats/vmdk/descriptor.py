"""The descriptor inside a VMDK: text that says what kind it is, and could name other files.

Nothing is opened by it here, nor by QEMU where the header gives a size; other programs may. QEMU follows
`parentFileNameHint` wherever it stands in the 20 sectors behind the header, whatever that says of the
descriptor's length: a second one can hide behind the first (block/vmdk.c, vmdk_parent_open). oslo.utils sees
neither, nor a second createType that QEMU reads because it is spelled in capitals.

Source: VMware, "Virtual Disk Format 5.0", "The Descriptor File".
"""

import re

from imgtool.errors import UnsafeImageError
from imgtool.formats.source import ReadAt

BEGINNING = b"# disk descriptorfile"
"""In lower case: how VMware's tools begin one, and QEMU's."""
DESCRIPTOR_SECTOR = 1
"""Where it begins. The format allows any, QEMU and OpenStack look here only."""
_QEMU_BYTES = 20 * 512
"""As many as QEMU reads."""
_MAX_BYTES = 1 << 20
"""As many as OpenStack reads."""
_CREATE_TYPES = frozenset({b"monolithicsparse", b"streamoptimized"})
PARENT = re.compile(rb'parentcid(?!\s*=\s*"?ffffffff\b)|parentfilenamehint')
"""Any parent's: the content ID of none is ffffffff."""
EXTENT_LINE = re.compile(rb"(rw|rdonly|noaccess)\b")
_EXTENT = re.compile(rb'(rw|rdonly)\s+[0-9]+\s+sparse\s+"[^"/]*"')
"""The file itself, by whatever name: VMware's exports say `RDONLY n SPARSE "generated-stream.vmdk"`."""


def check_descriptor(read_at: ReadAt, sectors: int) -> None:
    """Raise UnsafeImageError unless the descriptor, `sectors` long by the header, names no other file."""
    length = min(sectors * 512, _MAX_BYTES)
    content = read_at(DESCRIPTOR_SECTOR * 512, max(length, _QEMU_BYTES)).lower()
    lines = [line.strip() for line in content[:length].split(b"\0")[0].splitlines()]
    if not _CREATE_TYPES.issuperset(found := values_of(lines, b"createtype")) or len(found) != 1:
        raise UnsafeImageError("it is a VMDK of another kind than monolithicSparse and streamOptimized")
    if PARENT.search(content) or len(values_of(lines, b"parentcid")) != 1:
        raise UnsafeImageError("it is a VMDK that stands on a parent, another file of this host")
    extents = [line for line in lines if EXTENT_LINE.match(line)]
    if len(extents) != 1 or not _EXTENT.fullmatch(extents[0]):
        raise UnsafeImageError("it is a VMDK with other extents than the one in the file itself")


def values_of(lines: list[bytes], key: bytes) -> list[bytes]:
    """What the lines `key = "value"` say."""
    pairs = (line.partition(b"=") for line in lines)
    return [value.strip().strip(b'"') for name, equals, value in pairs if equals and name.strip() == key]
