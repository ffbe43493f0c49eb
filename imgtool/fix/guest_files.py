"""Files of the guest that the sealed machine starts from, read in the sandbox: kernel, initramfs, modules.

What comes back is the guest's, and no program of this machine reads it but QEMU, which is confined.
"""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from imgtool.disk.access import open_container
from imgtool.disk.request import DiskRequest, disk_request, requested_disk
from imgtool.errors import ImageUnreadableError
from imgtool.model.fix import StartFiles
from imgtool.model.image import DiskImage
from imgtool.pipeline.guest_reader import LIMITS, load
from imgtool.sandbox import Job, ask
from imgtool.util.progress import Progress

if TYPE_CHECKING:
    from imgtool.guest.tree import GuestTree

Q = TypeVar("Q")
A = TypeVar("A")

DRIVERS = ("virtio_pci", "virtio_blk", "virtio_rng")
ROOT_DRIVERS = {
    "ext4": ("crc32c_generic", "ext4"),
    "xfs": ("crc32c_generic", "xfs"),
    "btrfs": ("crc32c_generic", "btrfs"),
}
"""For an initramfs of ours."""
LVM_DRIVERS = ("dm_mod",)
"""Besides, where the root is a logical volume."""
MAX_FILE_BYTES = 512 << 20
"""Of a kernel or an initramfs; dracut's with all firmware has 200 MiB."""
PIECE_BYTES = 480 << 10
PIECES = 16
"""In one answer, which has bounds of its own (util/codec.py, sandbox/protocol.py)."""


@dataclass(frozen=True, slots=True)
class FilesRequest:
    """What to look for."""

    disk: DiskRequest
    version: str
    """Of the kernel; empty: the newest."""
    drivers: tuple[str, ...]
    own_initramfs: bool
    """The guest's own is whole, and to be used."""
    on_lvm: bool = False
    """The root is a logical volume."""
    programs_only: bool = False
    """Another kernel than the guest's is started."""


@dataclass(frozen=True, slots=True)
class PieceRequest:
    """Which part of which file."""

    disk: DiskRequest
    path: str
    start_bytes: int
    unpack: bool
    """It is a module, which may be packed: from its beginning to its end."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some bytes of a file, in base64."""

    content: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class OwnRoot:
    """The root file system that an initramfs of ours has to mount."""

    device: str
    type: str
    on_lvm: bool = False


class GuestFileReader:
    """Reads files of one disk, which is admitted and stays as it is meanwhile."""

    def __init__(self, image: DiskImage, version: str, root: OwnRoot | None, progress: Progress) -> None:
        """`root` is where the guest's initramfs is of no use."""
        self._image, self._version, self._progress = image, version, progress
        self._root = root

    def find(self) -> StartFiles:
        """What the machine starts from. Raises ImageUnreadableError, which says what is missing."""
        root = self._root
        drivers = DRIVERS if root is None else (*DRIVERS, *ROOT_DRIVERS.get(root.type, ()))
        lvm = root is not None and root.on_lvm
        drivers = (*drivers, *LVM_DRIVERS) if lvm else drivers

        def request(disk: DiskRequest) -> FilesRequest:
            return FilesRequest(disk, self._version, drivers, own_initramfs=root is None, on_lvm=lvm)

        return self._ask(FIND, request)

    def find_programs(self) -> StartFiles:
        """The guest's programs for an initramfs of ours. Raises ImageUnreadableError where one is missing."""
        lvm = self._root is not None and self._root.on_lvm

        def request(disk: DiskRequest) -> FilesRequest:
            return FilesRequest(disk, "", (), own_initramfs=False, on_lvm=lvm, programs_only=True)

        return self._ask(FIND, request)

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
            answer = self._ask(READ, partial(PieceRequest, path=path, start_bytes=start, unpack=unpack))
            content = b"".join(map(base64.b64decode, answer.content))
            start, more = start + len(content), answer.more and bool(content)
            if start > MAX_FILE_BYTES:
                raise ImageUnreadableError(f"{path} in the guest is larger than {MAX_FILE_BYTES >> 20} MiB")
            yield content

    def _ask(self, job: Job[Q, A], question: Callable[[DiskRequest], Q]) -> A:
        with open_container(self._image, self._progress) as (holder, source):
            return ask(job, question(disk_request(self._image, holder, source)), source.descriptor)


@contextmanager
def _tree(request: DiskRequest, descriptor: int, what: str) -> Iterator["GuestTree"]:
    """The guest's files, in the sandbox. Raises ImageUnreadableError, which says of `what`."""
    from imgtool.guest.filesystems.base import GuestReadError  # noqa: PLC0415 - see pipeline/guest_reader.py
    from imgtool.guest.inspect import open_system  # noqa: PLC0415 - the same

    with requested_disk(request, descriptor) as disk:
        try:
            yield open_system(disk, request.virtual_size_bytes).tree
        except GuestReadError as error:
            raise ImageUnreadableError(f"{what}: {error}") from error


def find(request: FilesRequest, descriptor: int) -> StartFiles:
    """Look for the files; runs in the sandbox."""
    from imgtool.guest.start_files import root_flags, start_files, start_programs  # noqa: PLC0415 - as above

    with _tree(request.disk, descriptor, "the guest cannot start itself") as tree:
        if request.programs_only:
            return StartFiles("", None, (), start_programs(tree, on_lvm=request.on_lvm), root_flags(tree))
        return start_files(
            tree,
            request.version,
            request.drivers,
            own_initramfs=request.own_initramfs,
            on_lvm=request.on_lvm,
        )


def read(request: PieceRequest, descriptor: int) -> Pieces:
    """Read a part of a file; runs in the sandbox."""
    from imgtool.guest.start_files import module_bytes  # noqa: PLC0415 - as above

    with _tree(request.disk, descriptor, f"{request.path} in the guest") as tree:
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
