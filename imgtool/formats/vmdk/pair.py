"""ESXi's pair: NAME.vmdk, a text that describes a disk, beside NAME-flat.vmdk, which holds it byte by byte.

The descriptor may name that one file and no other, so that a hostile one cannot have another image of its
folder read. It is opened in the folder of the file that the user named, by its plain name, and is no link.

Source: VMware, "Virtual Disk Format 5.0", "The Descriptor File"; QEMU, block/vmdk.c, vmdk_open_desc_file and
vmdk_parse_extents.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.source import ReadAt, Source, naming, open_file
from imgtool.formats.vmdk.descriptor import BEGINNING, EXTENT_LINE, PARENT, values_of
from imgtool.util.text import printable

MAX_DESCRIPTOR_BYTES = 64 << 10
"""Real ones have some hundred bytes."""
CID_DIGITS = 8
DATA_ENDING = "-flat"
_KINDS = frozenset({b"vmfs", b"monolithicflat"})
_EXTENT = re.compile(rb'RW\s+([0-9]{1,15})\s+(?:VMFS|FLAT)\s+"([^"]+)"(?:\s+([0-9]+))?')
_ONE_FILE = (
    "make one file of it where it was made: qemu-img convert -O qcow2 SOURCE TARGET, or export it as an OVA"
)
_TOGETHER = "the two files of a VMDK, NAME.vmdk and NAME-flat.vmdk, have to be in one folder"


class Pair(NamedTuple):
    """Both files, open."""

    descriptor: Source
    disk: Source
    """Of the other file, what the descriptor says is the disk."""


class _Extent(NamedTuple):
    sectors: int
    name: bytes


def is_descriptor(read_at: ReadAt) -> bool:
    """Whether it begins as VMware's tools, and QEMU's, begin one."""
    return read_at(0, len(BEGINNING)).lower() == BEGINNING


def is_data_name(name: str) -> bool:
    """Whether a file of this name should have a descriptor beside it."""
    return PurePath(name).stem.endswith(DATA_ENDING) and PurePath(name).suffix.lower() == ".vmdk"


def from_descriptor(descriptor: Source) -> Pair:
    """The pair of an open descriptor. Raises UnsafeImageError where it names any other file than the one of
    its name, or more; ImageUnreadableError where that is not there, or cannot be it."""
    extent = _read(descriptor)
    name = data_name_for(descriptor.path.name)
    if extent.name != os.fsencode(name):
        raise _names_another(extent.name, name)
    with _folder_of(descriptor) as folder, naming(name):
        data = _open_beside(name, folder, descriptor.path.parent)
    return Pair(descriptor, _disk(data, extent))


def from_data(data: Source) -> Pair:
    """The pair of an open NAME-flat.vmdk. Raises what `from_descriptor` raises."""
    path = data.path
    name = f"{path.stem.removesuffix(DATA_ENDING)}{path.suffix}"
    with _folder_of(data) as folder:
        try:
            descriptor = _open_beside(name, folder, path.parent)
        except ImageUnreadableError as error:
            raise _alone(name, error) from error
    with naming(name):
        if not is_descriptor(descriptor.read_at):
            raise ImageUnreadableError("it is no VMDK descriptor", hint=_TOGETHER)
        extent = _read(descriptor)
        if extent.name != os.fsencode(path.name):
            raise _names_another(extent.name, path.name)
    return Pair(descriptor, _disk(data, extent))


def data_name_for(name: str) -> str:
    """What the data of the descriptor `name` is called."""
    return f"{PurePath(name).stem}{DATA_ENDING}{PurePath(name).suffix}"


def _read(descriptor: Source) -> _Extent:
    if descriptor.size_bytes > MAX_DESCRIPTOR_BYTES:
        raise ImageUnreadableError(f"its VMDK descriptor is longer than {MAX_DESCRIPTOR_BYTES} bytes")
    content = descriptor.read_at(0, MAX_DESCRIPTOR_BYTES).rstrip(b"\0")
    content, _, behind = content.partition(b"\0")
    if not _is_left_over(behind, content):
        raise UnsafeImageError("its VMDK descriptor goes on behind its end")
    _check_kind(content.lower())
    lines = [line.strip() for line in content.splitlines()]
    extents = [line for line in lines if EXTENT_LINE.match(line.lower())]
    if len(extents) != 1:
        raise UnsafeImageError(
            f"it is a VMDK descriptor of {len(extents)} extents, which are other files", hint=_ONE_FILE
        )
    return _extent(extents[0])


def _is_left_over(behind: bytes, content: bytes) -> bool:
    """Whether it is the end of a descriptor that was a little longer.

    QEMU's vmdk_write_cid writes a content ID of up to eight digits over one of up to eight, and what is
    behind the text stays: one image in fifty or so that qemu-img makes has it.
    """
    return len(behind) < CID_DIGITS and content.endswith(behind)


def _check_kind(content: bytes) -> None:
    """Raise UnsafeImageError unless it is the whole disk, in one file. `content` is in lower case."""
    kinds = values_of([line.strip() for line in content.splitlines()], b"createtype")
    if len(kinds) != 1:
        raise UnsafeImageError("its VMDK descriptor does not have one createType")
    if PARENT.search(content):
        message = "it is a VMDK that stands on a parent, another file of this host: a snapshot"
        raise UnsafeImageError(message, hint=_ONE_FILE)
    if kinds[0] not in _KINDS:
        kind = printable(kinds[0].decode("utf-8", "replace"))[:40]
        raise UnsafeImageError(
            f"it is a VMDK descriptor of the kind {kind}: of those, vmfs and monolithicFlat are read",
            hint=_ONE_FILE,
        )


def _extent(line: bytes) -> _Extent:
    found = _EXTENT.fullmatch(line)
    if found is None or int(found[3] or 0) or not int(found[1]):
        shown = printable(line.decode("utf-8", "replace"))[:200]
        raise UnsafeImageError(
            f"its VMDK descriptor has an extent that is not a whole flat file: {shown}", hint=_ONE_FILE
        )
    return _Extent(int(found[1]), found[2])


def _names_another(found: bytes, wanted: str) -> UnsafeImageError:
    shown = printable(found.decode("utf-8", "replace"))[:200]
    return UnsafeImageError(
        f"it is a VMDK descriptor that names other files as its content (CVE-2022-47951): '{shown}'",
        hint=f"its data would be {printable(wanted)}, beside it; if it was renamed, give it back its name",
    )


def _alone(name: str, error: ImageUnreadableError) -> ImageUnreadableError:
    return ImageUnreadableError(
        f"it is the data of a VMDK, whose descriptor, {printable(name)}, {error.message.removeprefix('it ')}",
        hint=f"{_TOGETHER}; or add -f raw, if its size is right",
    )


@contextmanager
def _folder_of(file: Source) -> Iterator[int]:
    """The folder that holds `file`, open. Raises ImageUnreadableError where that is another one by now."""
    try:
        folder = os.open(file.path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _moved() from error
    try:
        _check_folder(folder, file)
        yield folder
    finally:
        os.close(folder)


def _check_folder(folder: int, file: Source) -> None:
    try:
        found = os.stat(file.path.name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise _moved() from error
    if (found.st_dev, found.st_ino) != (file.identity.device, file.identity.inode):
        raise _moved()


def _moved() -> ImageUnreadableError:
    return ImageUnreadableError("it was moved while it was opened", hint="try again")


def _open_beside(name: str, folder: int, path: Path) -> Source:
    """The regular file `name` in the open `folder`, whose path is `path`."""
    try:
        found = open_file(name, directory=folder)
    except ImageUnreadableError as error:
        raise ImageUnreadableError(error.message, hint=_TOGETHER) from error
    if not stat.S_ISREG(os.fstat(found.descriptor).st_mode):
        raise ImageUnreadableError("it is a block device", hint=_TOGETHER)
    return replace(found, path=path / name)


def _disk(data: Source, extent: _Extent) -> Source:
    wanted = extent.sectors * 512
    if data.size_bytes < wanted:
        found = f"{printable(data.path.name)} has {data.size_bytes} bytes, and its descriptor says {wanted}"
        raise ImageUnreadableError(f"{found}: it is cut off", hint="copy it again")
    return data.part(0, wanted)
