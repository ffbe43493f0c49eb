"""Images that are no file by themselves: the part of an open file that each is, and what it was found in."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imgtool.formats import claims
from imgtool.formats.headers import NO_SIGNATURE, Headers
from imgtool.formats.source import Source
from imgtool.model.image import Container, Descriptor

if TYPE_CHECKING:
    from imgtool.formats.vmdk.pair import Pair


class Contained(NamedTuple):
    """An image that has not passed the gate yet."""

    source: Source
    container: Container
    claimed: str | None
    """What it has to be, where `who` claims so."""
    who: str
    evidence: str
    unpack_hint: str = "it has to be a disk as it stands there"

    @property
    def names_member(self) -> bool:
        """Whether a message needs the name of the member, besides that of the file."""
        return self.container.named.name != self.container.member


def is_vmdk_descriptor(source: Source, seen: Headers) -> bool:
    """Whether the file is a text that describes a VMDK: oslo.utils knows those that begin in ASCII."""
    may_be = seen.format == "vmdk" or seen.evidence == NO_SIGNATURE
    if not may_be or source.read_at(0, 1) != b"#":
        return False
    from imgtool.formats.vmdk.pair import is_descriptor  # noqa: PLC0415 - loaded only where it is needed

    return is_descriptor(source.read_at)


def by_descriptor(descriptor: Source) -> Contained:
    """The disk that the descriptor is of. Raises what vmdk/pair.py raises."""
    from imgtool.formats.vmdk import pair  # noqa: PLC0415 - loaded only where it is needed

    return _of_pair(pair.from_descriptor(descriptor), descriptor.path)


def by_data(data: Source) -> Contained | None:
    """Return the disk by the file that holds its data; None if its name is not that of such a file."""
    from imgtool.formats.vmdk import pair  # noqa: PLC0415 - loaded only where it is needed

    if not pair.is_data_name(data.path.name):
        return None
    return _of_pair(pair.from_data(data), data.path)


def by_archive(archive: Source, wanted: str | None) -> Contained:
    """The disk called `wanted` of an OVA, or its only one. Raises what ova.py raises."""
    from imgtool.formats.ova.ova import open_disk  # noqa: PLC0415 - loaded only where it is needed

    disk, source = open_disk(archive, wanted)
    container = Container(
        kind="ova",
        member=disk.name,
        named=archive.path,
        size_bytes=archive.size_bytes,
        allocated_bytes=archive.allocated_bytes,
    )
    return Contained(
        source=source,
        container=container,
        claimed=claims.format_by_ending(disk.name),
        who="its name",
        evidence=f"it is {disk.name} of an OVA",
        unpack_hint="extract both: tar -xf OVA, and decompress the disk",
    )


def _of_pair(pair: "Pair", named: Path) -> Contained:
    descriptor, disk = pair
    container = Container(
        kind="vmdk",
        member=disk.path.name,
        named=named,
        size_bytes=descriptor.size_bytes + disk.identity.size_bytes,
        allocated_bytes=descriptor.allocated_bytes + disk.allocated_bytes,
        descriptor=Descriptor(descriptor.path, descriptor.identity, descriptor.handle),
    )
    return Contained(
        source=disk,
        container=container,
        claimed="raw",
        who=descriptor.path.name,
        evidence=f"{descriptor.path.name} describes it",
    )
