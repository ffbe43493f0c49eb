"""Files of the guest that the sealed machine starts from, read in the sandbox: kernel, initramfs, modules.

What comes back is the guest's, and no program of this machine reads it but QEMU, which is confined.
"""

import base64
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgtool.disk.access import as_disk, open_container
from imgtool.errors import ImageUnreadableError
from imgtool.fix.initrd import Module
from imgtool.formats.source import unnamed
from imgtool.model.image import DiskImage
from imgtool.pipeline.guest_reader import LIMITS, load
from imgtool.sandbox import Job, ask
from imgtool.util.progress import Progress

DRIVERS = ("virtio_pci", "virtio_blk", "virtio_rng")
MAX_FILE_BYTES = 512 << 20
"""Of a kernel or an initramfs; dracut's with all firmware has 200 MiB."""
PIECE_BYTES = 480 << 10
PIECES = 16
"""In one answer, which has bounds of its own (util/codec.py, sandbox/protocol.py)."""


@dataclass(frozen=True, slots=True)
class FilesRequest:
    """What to look for."""

    format: str
    start_bytes: int
    file_size_bytes: int
    virtual_size_bytes: int
    version: str
    """Of the kernel; empty: the newest."""


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file of the guest."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StartFiles:
    """What the machine starts from, or why it cannot."""

    kernel: GuestFile
    initramfs: GuestFile
    modules: tuple[str, ...]
    """Paths of the drivers' files and of what they need, in the order in which they are loaded."""


@dataclass(frozen=True, slots=True)
class PieceRequest:
    """Which part of which file."""

    disk: FilesRequest
    path: str
    start_bytes: int
    unpack: bool
    """It is a module, which may be packed: from its beginning to its end."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some bytes of a file, in base64."""

    content: tuple[str, ...]
    more: bool


class GuestFileReader:
    """Reads files of one disk, which is admitted and stays as it is meanwhile."""

    def __init__(self, image: DiskImage, version: str, progress: Progress) -> None:
        self._image, self._version, self._progress = image, version, progress

    def find(self) -> StartFiles:
        """What the machine starts from. Raises ImageUnreadableError, which says what is missing."""
        with open_container(self._image, self._progress) as (holder, source):
            return ask(FIND, self._request(holder, source.start_bytes, source.size_bytes), source.descriptor)

    def write(self, file: GuestFile, target: Path) -> None:
        """Write the guest's file to `target`. Raises ImageUnreadableError."""
        with target.open("xb") as output:
            for content in self._pieces(file.path, unpack=False):
                output.write(content)

    def module(self, path: str) -> Module:
        """The kernel module at `path`, unpacked. Raises ImageUnreadableError."""
        return Module(posixpath.basename(path), b"".join(self._pieces(path, unpack=True)))

    def _pieces(self, path: str, *, unpack: bool) -> Iterator[bytes]:
        start, more = 0, True
        while more:
            with open_container(self._image, self._progress) as (holder, source):
                disk = self._request(holder, source.start_bytes, source.size_bytes)
                answer = ask(READ, PieceRequest(disk, path, start, unpack), source.descriptor)
            content = b"".join(map(base64.b64decode, answer.content))
            start, more = start + len(content), answer.more and bool(content)
            if start > MAX_FILE_BYTES:
                raise ImageUnreadableError(f"{path} in the guest is larger than {MAX_FILE_BYTES >> 20} MiB")
            yield content

    def _request(self, holder: DiskImage, start_bytes: int, size_bytes: int) -> FilesRequest:
        return FilesRequest(
            holder.format, start_bytes, size_bytes, self._image.virtual_size_bytes, self._version
        )


def find(request: FilesRequest, descriptor: int) -> StartFiles:
    """Look for the files; runs in the sandbox."""
    from imgtool.guest.filesystems.base import GuestReadError  # noqa: PLC0415 - see pipeline/guest_reader.py
    from imgtool.guest.inspect import open_system  # noqa: PLC0415 - the same
    from imgtool.guest.start_files import start_files  # noqa: PLC0415 - the same

    with as_disk(request.format, unnamed(descriptor, request.file_size_bytes, request.start_bytes)) as disk:
        try:
            tree = open_system(disk, request.virtual_size_bytes).tree
            kernel, initramfs, modules = start_files(tree, request.version, DRIVERS)
        except GuestReadError as error:
            raise ImageUnreadableError(f"the guest cannot start itself: {error}") from error
        sizes = [tree.size_bytes(path) for path in (kernel, initramfs)]
        return StartFiles(GuestFile(kernel, sizes[0]), GuestFile(initramfs, sizes[1]), modules)


def read(request: PieceRequest, descriptor: int) -> Pieces:
    """Read a part of a file; runs in the sandbox."""
    from imgtool.guest.filesystems.base import GuestReadError  # noqa: PLC0415 - as above
    from imgtool.guest.inspect import open_system  # noqa: PLC0415 - as above
    from imgtool.guest.start_files import module_bytes  # noqa: PLC0415 - as above

    disk = request.disk
    with as_disk(disk.format, unnamed(descriptor, disk.file_size_bytes, disk.start_bytes)) as stream:
        try:
            tree = open_system(stream, disk.virtual_size_bytes).tree
            if request.unpack:
                content = module_bytes(tree, request.path)[request.start_bytes :]
                more = len(content) > PIECES * PIECE_BYTES
                content = content[: PIECES * PIECE_BYTES]
            else:
                file = tree.open(request.path)
                if file is None:
                    raise ImageUnreadableError(f"{request.path} in the guest is no regular file")
                file.seek(request.start_bytes)
                content = file.read(PIECES * PIECE_BYTES)
                more = len(content) == PIECES * PIECE_BYTES
        except GuestReadError as error:
            raise ImageUnreadableError(f"{request.path} in the guest: {error}") from error
    starts = range(0, len(content), PIECE_BYTES)
    parts = (base64.b64encode(content[at : at + PIECE_BYTES]).decode() for at in starts)
    return Pieces(tuple(parts), more)


FIND = Job(
    name=f"{__name__}:FIND",
    subject="the guest",
    question=FilesRequest,
    answer=StartFiles,
    work=find,
    limits=LIMITS,
    prepare=load,
)
READ = Job(
    name=f"{__name__}:READ",
    subject="a file of the guest",
    question=PieceRequest,
    answer=Pieces,
    work=read,
    limits=LIMITS,
    prepare=load,
)
