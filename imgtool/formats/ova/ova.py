"""An OVA: a tar archive of an OVF descriptor and the disks that it names. Read where it stands, in the
sandbox.

The manifest (.mf) and the certificate are not looked at: they say what the archive was when it was made, not
whether it is safe.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from imgtool.errors import ImageUnreadableError, ImgtoolError, UnsafeImageError, UsageError
from imgtool.formats.ova import ovf, tar
from imgtool.formats.source import Source, unnamed
from imgtool.sandbox import Job, Limits, ask
from imgtool.util.text import human_size, printable, shell_word

LIMITS = Limits(cpu_seconds=20, memory_bytes=256 << 20, deadline_seconds=120.0)
"""It takes some hundredths of a second, and some MiB."""
_EXTRACT = "extract it (tar -xf), and make a disk image of it first"


@dataclass(frozen=True, slots=True)
class OvaRequest:
    """What to look at: so many bytes of a file."""

    start_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of an OVA, and where in the archive its file stands."""

    name: str
    """Of its file."""
    start_bytes: int
    size_bytes: int
    problem: str
    """Why it cannot be read; its place then says nothing."""


@dataclass(frozen=True, slots=True)
class Package:
    """What an OVA holds."""

    disks: tuple[Disk, ...]


def open_disk(archive: Source, wanted: str | None) -> tuple[Disk, Source]:
    """The disk called `wanted`, or the only one, and where it is.

    Raises ImageUnreadableError where the archive is no OVA or damaged, or the disk cannot be read as it
    stands there, UnsafeImageError where it could be read in two ways, UsageError where there is no such disk.
    """
    package = ask(JOB, OvaRequest(archive.start_bytes, archive.size_bytes), archive.descriptor)
    disk = _choose(package.disks, wanted)
    if disk.problem:
        raise ImageUnreadableError(f"{printable(disk.name)}: {disk.problem}", hint=_EXTRACT)
    if disk.size_bytes == 0:
        raise ImageUnreadableError(f"{printable(disk.name)}: it is empty")
    if disk.start_bytes < 0 or not 0 < disk.size_bytes <= archive.size_bytes - disk.start_bytes:
        raise ImageUnreadableError(f"{printable(disk.name)}: it is not in the archive")
    return disk, archive.part(disk.start_bytes, disk.size_bytes)


def _choose(disks: tuple[Disk, ...], wanted: str | None) -> Disk:
    names = ", ".join(f"{printable(disk.name)} ({human_size(disk.size_bytes)})" for disk in disks)
    if not disks:
        raise ImageUnreadableError("it is an OVA without a disk")
    if wanted is not None:
        found = [disk for disk in disks if disk.name == wanted]
        if not found:
            raise UsageError(f"it has no disk {printable(wanted)!r}", hint=f"its disks: {names}")
        return found[0]
    if len(disks) > 1:
        raise ImageUnreadableError(
            f"it is an OVA of {len(disks)} disks, and an image is one: {names}",
            hint=f"choose one: --disk {shell_word(disks[0].name) or 'NAME'}; in a manifest, `disk`",
        )
    return disks[0]


def look(given: OvaRequest, descriptor: int) -> Package:
    """Read the archive; runs in the sandbox."""
    source = unnamed(descriptor, given.size_bytes, given.start_bytes)
    members = _members(source)
    descriptors = [member for member in members if _is_descriptor(member)]
    if len(descriptors) != 1:
        raise _no_ova(f"it has {len(descriptors) or 'no'} OVF descriptors, and not one")
    (found,) = descriptors
    if found.size_bytes > ovf.MAX_BYTES:
        raise UnsafeImageError(f"its OVF is longer than {ovf.MAX_BYTES} bytes")
    content = source.read_at(found.start_bytes, found.size_bytes)
    folder, slash, _ = found.name.rpartition(b"/")
    by_name = {member.name: member for member in members}
    return Package(tuple(_place(disk, folder + slash, by_name) for disk in ovf.read_disks(content)))


def _members(source: Source) -> list[tar.Member]:
    """All files. An archive of another kind is said to be that, whatever else is wrong with it."""
    found: list[tar.Member] = []
    try:
        found.extend(tar.read_members(source.read_at, source.size_bytes))
    except ImgtoolError as error:
        if any(map(_is_descriptor, found)):
            raise
        raise _no_ova(error.message) from error
    return found


def _is_descriptor(member: tar.Member) -> bool:
    """macOS's tar adds a file `._NAME` for each one that has attributes of its own."""
    name = member.name.rpartition(b"/")[2].lower()
    return name.endswith(b".ovf") and not name.startswith(b"._")


def _no_ova(reason: str) -> ImageUnreadableError:
    return ImageUnreadableError(
        f"not a disk image: it is a tar archive, and no OVA: {reason}",
        hint="extract it, and give the disk inside",
    )


def _place(disk: ovf.OvfDisk, folder: bytes, members: dict[bytes, tar.Member]) -> Disk:
    """Where the file is that the OVF names by a relative URI (RFC 3986); as it stands there, or escaped."""
    for name in (disk.href, unquote(disk.href)):
        path = folder + name.removeprefix("./").encode("utf-8", "replace")
        member = members.get(path)
        if member is not None:
            shown = path.decode("utf-8", "backslashreplace")
            return Disk(shown, member.start_bytes, member.size_bytes, disk.problem)
    problem = disk.problem or "its OVF names it, and it is not in the archive"
    return Disk(disk.href[: tar.MAX_NAME_BYTES], 0, 0, problem)


JOB = Job(
    name=f"{__name__}:JOB",
    subject="its archive",
    question=OvaRequest,
    answer=Package,
    work=look,
    limits=LIMITS,
)
