"""Files of the guest that the sealed machine starts from, read in the sandbox: kernel, initramfs, modules.

What comes back is the guest's, and no program of this machine reads it but QEMU, which is confined.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imgtool.disk.access import as_disk, open_container
from imgtool.errors import ImageUnreadableError
from imgtool.formats.source import unnamed
from imgtool.model.image import DiskImage
from imgtool.pipeline.guest_reader import LIMITS, load
from imgtool.sandbox import Job, ask
from imgtool.util.progress import Progress

DRIVERS = ("virtio_pci", "virtio_blk", "virtio_rng")
ROOT_DRIVERS = {
    "ext4": ("crc32c_generic", "ext4"),
    "xfs": ("crc32c_generic", "xfs"),
    "btrfs": ("crc32c_generic", "btrfs"),
}
"""For an initramfs of ours."""
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
    drivers: tuple[str, ...]
    own_initramfs: bool
    """The guest's own is whole, and to be used."""


@dataclass(frozen=True, slots=True)
class StartFiles:
    """What the machine starts from: paths in the guest."""

    kernel: str
    initramfs: str | None
    modules: tuple[str, ...]
    """Paths of the drivers' files and of what they need, in the order in which they are loaded."""
    programs: Mapping[str, str]
    """Where there is no initramfs, the guest's files for one, by their paths in there."""


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

    def __init__(
        self, image: DiskImage, version: str, own_initramfs_of: str | None, progress: Progress
    ) -> None:
        """`own_initramfs_of` is the type of the root file system where the guest's initramfs is of no use."""
        self._image, self._version, self._progress = image, version, progress
        self._root = own_initramfs_of

    def find(self) -> StartFiles:
        """What the machine starts from. Raises ImageUnreadableError, which says what is missing."""
        with open_container(self._image, self._progress) as (holder, source):
            return ask(FIND, self._request(holder, source.start_bytes, source.size_bytes), source.descriptor)

    def write(self, path: str, target: Path) -> None:
        """Write the guest's file at `path` to `target`. Raises ImageUnreadableError."""
        with target.open("xb") as output:
            for content in self._pieces(path, unpack=False):
                output.write(content)

    def module(self, path: str) -> bytes:
        """The kernel module at `path`, unpacked. Raises ImageUnreadableError."""
        return b"".join(self._pieces(path, unpack=True))

    def content(self, path: str) -> bytes:
        """The file at `path`. Raises ImageUnreadableError."""
        return b"".join(self._pieces(path, unpack=False))

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
            holder.format,
            start_bytes,
            size_bytes,
            self._image.virtual_size_bytes,
            self._version,
            (*DRIVERS, *ROOT_DRIVERS.get(self._root or "", ())),
            own_initramfs=self._root is None,
        )


def find(request: FilesRequest, descriptor: int) -> StartFiles:
    """Look for the files; runs in the sandbox."""
    from imgtool.guest.filesystems.base import GuestReadError  # noqa: PLC0415 - see pipeline/guest_reader.py
    from imgtool.guest.inspect import open_system  # noqa: PLC0415 - the same
    from imgtool.guest.start_files import start_files  # noqa: PLC0415 - the same

    with as_disk(request.format, unnamed(descriptor, request.file_size_bytes, request.start_bytes)) as disk:
        try:
            tree = open_system(disk, request.virtual_size_bytes).tree
            found = start_files(tree, request.version, request.drivers, own_initramfs=request.own_initramfs)
        except GuestReadError as error:
            raise ImageUnreadableError(f"the guest cannot start itself: {error}") from error
        return StartFiles(found.kernel, found.initramfs, found.modules, found.programs)


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
