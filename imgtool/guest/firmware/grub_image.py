"""What GRUB carries inside its own image: its prefix, its first configuration, its modules, its memory disk.

Layout: GRUB, include/grub/kernel.h (the module area: a header with a magic, then objects with a type and a
size), util/mkimage.c (who writes it), grub-core/kern/main.c (who reads it: the first configuration and the
last prefix count). Objects begin at multiples of the size of a pointer.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError
from imgtool.guest.firmware.memdisk import TarFilesystem

MAGIC = b"mimg"
"""GRUB_MODULE_MAGIC, little-endian."""
ELF, MEMDISK, CONFIG, PREFIX = 0, 1, 2, 3
"""OBJ_TYPE_* of include/grub/kernel.h that say something of the start."""
HEADER_BYTES = 8
MAX_OBJECTS = 2000
"""GRUB has under 400 modules."""
MAX_MAGICS = 100
"""Places where the magic may stand by chance, in code that compares with it."""
MAX_SCRIPT_BYTES = 1 << 20
MAX_PREFIX_BYTES = 4096
MAX_SECTIONS = 100
"""Of one module; it has about 15."""


@dataclass(frozen=True, slots=True)
class GrubImage:
    """What was put into one image of GRUB."""

    prefix: str
    """As `grub-mkimage -p` got it; empty where it has none."""
    script: str
    """The configuration that runs before that of the prefix; empty where it has none."""
    modules: frozenset[str] | None
    """Names of the modules that are built in; None where there is none, as no GRUB reads a disk without."""
    memdisk: Filesystem | None
    """What is on the disk `(memdisk)`."""


def read_modules(image: bytes, pointer_bytes: int) -> GrubImage:
    """What the module area says that ends `image`, of a machine whose pointers have that many bytes.

    Raises GuestReadError where there is no such area, or where an object goes on beyond its end.
    """
    area = _area(image, pointer_bytes)
    objects = [(kind, image[start:end]) for kind, start, end in _objects(image, area, pointer_bytes)]
    scripts = [content for kind, content in objects if kind == CONFIG]
    prefixes = [content for kind, content in objects if kind == PREFIX]
    disks = [content for kind, content in objects if kind == MEMDISK]
    modules = (_module_name(content) for kind, content in objects if kind == ELF)
    return GrubImage(
        prefix=_text(prefixes[-1], MAX_PREFIX_BYTES) if prefixes else "",
        script=_text(scripts[0], MAX_SCRIPT_BYTES) if scripts else "",
        modules=frozenset(name for name in modules if name) or None,
        memdisk=_memdisk(disks[0]) if disks else None,
    )


def _area(image: bytes, pointer_bytes: int) -> tuple[int, int]:
    """Where the objects start and end: as the header says it."""
    layout = "<4xII" if pointer_bytes == 4 else "<8xQQ"
    position = image.find(MAGIC)
    for _ in range(MAX_MAGICS):
        if position < 0:
            break
        if position + struct.calcsize(layout) <= len(image):
            offset, size = struct.unpack_from(layout, image, position)
            if offset == struct.calcsize(layout) and offset <= size <= len(image) - position:
                return position + offset, position + size
        position = image.find(MAGIC, position + 1)
    raise GuestReadError("GRUB's image has no modules and no prefix in it: it is damaged")


def _objects(image: bytes, area: tuple[int, int], pointer_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of each object."""
    position, end = area
    for _ in range(MAX_OBJECTS):
        if position + HEADER_BYTES > end:
            return
        kind, size = struct.unpack_from("<II", image, position)
        if not HEADER_BYTES <= size <= end - position:
            raise GuestReadError("GRUB's image is damaged: a module goes on beyond its end")
        yield kind, position + HEADER_BYTES, position + size
        position += -(-size // pointer_bytes) * pointer_bytes
    raise GuestReadError(f"GRUB's image has more than {MAX_OBJECTS} modules in it")


def _text(content: bytes, limit: int) -> str:
    if len(content) > limit:
        raise GuestReadError(f"GRUB's image has a text of {len(content)} bytes in it")
    return content.split(b"\0")[0].decode("utf-8", "replace")


def _memdisk(content: bytes) -> Filesystem | None:
    """A tar archive, as grub-mkstandalone makes it, or the image of any file system."""
    if TarFilesystem.is_tar(content):
        return TarFilesystem(content)
    return open_filesystem(io.BytesIO(content), len(content))


def _module_name(module: bytes) -> str:
    """What stands in the section .modname of a module: GRUB's name of it; empty where there is none."""
    try:
        return _section(module, b".modname").split(b"\0")[0].decode("ascii", "replace")
    except (struct.error, IndexError):
        return ""


def _section(module: bytes, wanted: bytes) -> bytes:
    """The content of a section of an ELF file. Raises struct.error where its tables lie beyond the file."""
    wide = module[4:5] == b"\2"
    start, entry, count, names_index = (
        (*struct.unpack_from("<Q", module, 40), *struct.unpack_from("<HHH", module, 58))
        if wide
        else (*struct.unpack_from("<I", module, 32), *struct.unpack_from("<HHH", module, 46))
    )

    def place(index: int) -> tuple[int, int, int]:
        layout = "<I20xQQ" if wide else "<I12xII"
        return cast(tuple[int, int, int], struct.unpack_from(layout, module, start + index * entry))

    _, names, names_size = place(names_index)
    table = module[names : names + names_size]
    for index in range(min(count, MAX_SECTIONS)):
        name, offset, size = place(index)
        if table[name : name + len(wanted) + 1] == wanted + b"\0":
            return module[offset : offset + size]
    return b""
