"""VMDK: the sparse header and its descriptor, and that neither names another file.

Source: VMware, "Virtual Disk Format 5.0"; QEMU, block/vmdk.c. oslo.utils lets two things through that QEMU
follows: `parentFileNameHint`, and a second createType that QEMU reads because it is spelled in capitals while
the header's capacity is 0. Both are refused here.
"""

import re
import struct

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.inspector import ReadAt

_HEADER = struct.Struct("<4sIIQQQQIQQ")
_DESCRIPTOR_OFFSET = 512
_MAX_DESCRIPTOR_BYTES = 1 << 20
_GRAIN_DIRECTORY_AT_END = (1 << 64) - 1
_FOOTER_FROM_END = 1024
_CREATE_TYPES = frozenset({"monolithicsparse", "streamoptimized"})
_NO_PARENT = "ffffffff"


def virtual_size(read_at: ReadAt, size_bytes: int) -> int:
    """The disk's size in bytes. Raises UnsafeImageError, ImageUnreadableError."""
    header = read_at(0, 512)
    if not header.startswith(b"KDMV"):
        raise UnsafeImageError(
            "it is a VMDK descriptor that names other files as its content (CVE-2022-47951)",
            hint="make one file of it: qemu-img convert -O qcow2 where it was made",
        )
    capacity, descriptor_sectors, grain_directory = _fields(header)
    _check_descriptor(read_at(_DESCRIPTOR_OFFSET, min(descriptor_sectors * 512, _MAX_DESCRIPTOR_BYTES)))
    if grain_directory == _GRAIN_DIRECTORY_AT_END:
        footer = read_at(max(0, size_bytes - _FOOTER_FROM_END), 512)
        if not footer.startswith(b"KDMV") or _fields(footer)[0] != capacity:
            raise ImageUnreadableError("its footer is missing or contradicts its header: is it cut off?")
    elif grain_directory * 512 >= size_bytes:
        raise ImageUnreadableError("its grain directory lies beyond the file's end: the file is cut off")
    check_virtual_size(capacity * 512)
    return capacity * 512


def _fields(header: bytes) -> tuple[int, int, int]:
    """Capacity in sectors, sectors of the descriptor, sector of the grain directory."""
    if len(header) < _HEADER.size:
        raise ImageUnreadableError("its VMDK header is cut off")
    _, _, _, capacity, _, _, descriptor_sectors, _, _, grain_directory = _HEADER.unpack_from(header)
    return capacity, descriptor_sectors, grain_directory


def _check_descriptor(content: bytes) -> None:
    lines = [line.strip() for line in content.split(b"\0")[0].decode("ascii", "replace").lower().splitlines()]
    values: dict[str, list[str]] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if equals:
            values.setdefault(key.strip(), []).append(value.strip().strip('"'))
    if len(values.get("createtype", [])) != 1 or not _CREATE_TYPES.issuperset(values["createtype"]):
        raise UnsafeImageError("it is a VMDK of another kind than monolithicSparse and streamOptimized")
    if any("parentfilenamehint" in line for line in lines) or values.get("parentcid") != [_NO_PARENT]:
        raise UnsafeImageError("it is a VMDK that stands on a parent, another file of this host")
    extents = [line for line in lines if re.match(r"(rw|rdonly|noaccess)\s", line)]
    if len(extents) != 1 or not re.fullmatch(r'rw\s+[0-9]+\s+sparse\s+"[^"/:]*"', extents[0]):
        raise UnsafeImageError("it is a VMDK with other extents than the one in the file itself")
