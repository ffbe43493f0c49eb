"""Partition tables and LVM: MBR with logical partitions, GPT with checksums made right, metadata."""

import io
import struct
import zlib
from functools import cache, partial

from fuzz import seeds
from fuzz.model import Edit, Seed, Target
from fuzz.mutant import Mutant
from fuzz.places import recorded
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.gpt import SIGNATURE
from imgtool.guest.volumes import read_layout

_SECTOR = 512
_HEAD_BYTES = 4096


def _disks(*names: str) -> list[Seed]:
    found = []
    for name in names:
        disk = seeds.fixture_path(name)
        found.append(Seed(name, disk, recorded(disk, read_layout)))
    return found


def _run(mutant: Mutant) -> str:
    with mutant.stream() as stream:
        layout = read_layout(stream, mutant.size)
        readable = 0
        for volume in layout.volumes:
            try:
                readable += len(volume.open().read(_HEAD_BYTES))
            except GuestReadError as error:
                return str(error)
    counts = "p" * len(layout.partitions) + "v" * len(layout.volumes)
    return f"{layout.scheme} {counts} {layout.problem} {readable > 0}"


def _checksums(mutant: Mutant) -> tuple[Edit, ...]:
    """Of both tables: UEFI specification, section 5.3.2."""
    edits: list[Edit] = []
    with mutant.stream() as stream:
        for place in (_SECTOR, mutant.size - _SECTOR):
            stream.seek(max(0, place))
            header = bytearray(stream.read(_SECTOR))
            if len(header) == _SECTOR and header.startswith(SIGNATURE):
                entries, count, size = struct.unpack_from("<72xQII", header)
                stream.seek(entries * _SECTOR)
                table = stream.read(min(count * size, 1 << 20))
                struct.pack_into("<I", header, 88, zlib.crc32(table))
                struct.pack_into("<I", header, 16, 0)
                length = struct.unpack_from("<I", header, 12)[0]
                struct.pack_into("<I", header, 16, zlib.crc32(header[: min(length, _SECTOR)]))
                edits.append(Edit(place, _SECTOR, bytes(header)))
    return tuple(edits)


# ---------------------------------------------------------------- LVM's text

_NAMES = {"pv0": "a" * 32, "pv1": "b" * 32}
_STRIPES = [("pv0", 0), ("pv1", 0)]


@cache
def _texts() -> list[Seed]:
    linear = seeds.logical_volume(
        "root", seeds.striped(0, 4, [("pv0", 0)]), seeds.striped(4, 4, [("pv0", 8)])
    )
    stripes = seeds.logical_volume("data", seeds.striped(0, 8, _STRIPES, stripe_size=8))
    raid = 'start_extent = 0\nextent_count = 4\ntype = "raid1"\nraids = ["leg_rmeta", "leg_rimage"]'
    mirror = seeds.logical_volume("mirror", raid)
    leg = seeds.logical_volume("leg_rimage", seeds.striped(0, 4, [("pv0", 16)]), status="RAID")
    text = seeds.metadata(_NAMES, linear + stripes + mirror + leg)
    return [Seed("metadata", text.encode(), tokens=tuple(set(text.encode().split())))]


def _run_text(mutant: Mutant) -> str:
    """In the one of two physical volumes that is there."""
    text = mutant.content.decode("latin-1").rstrip("\0")
    raw = text.encode("utf-8")
    if len(raw) > 60_000:
        return "too long for its area"
    disk = seeds.physical_volume("a" * 32, text, bytes(1 << 20))
    layout = read_layout(io.BytesIO(disk), len(disk))
    for volume in layout.volumes:
        try:
            volume.open().read(_HEAD_BYTES)
        except GuestReadError as error:
            return f"{'v' * len(layout.volumes)} {error}"
    return f"{'v' * len(layout.volumes)} {layout.problem}"


_EXPECTED = (GuestReadError,)
TARGETS = (
    Target("mbr", cache(partial(_disks, "mbr-logical", "windows-2019")), _run, _EXPECTED, share=60),
    Target(
        "gpt", cache(partial(_disks, "ext4-gpt", "data-disk")), _run, _EXPECTED, repair=_checksums, share=60
    ),
    Target("lvm", cache(partial(_disks, "lvm-xfs")), _run, _EXPECTED, share=40),
    Target("lvm-text", _texts, _run_text, _EXPECTED, text=True, share=60),
)
