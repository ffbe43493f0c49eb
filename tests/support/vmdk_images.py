"""VMDK files of one part: those that qemu-img makes, and a writer for those that it does not.

The writer's are as the format allows them: grains of any size, in any order, at any sector; grain tables of
any length; tables at the end of a stream.
"""

import random
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.images import convert, create, qemu_io

SECTOR = 512
DESCRIPTOR_SECTORS = 20
COMPRESSED_FLAGS = 3 << 16
_NO_DIRECTORY = (1 << 64) - 1
HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
_MARKER = struct.Struct("<QI")

NOISE = random.Random(7).randbytes(1 << 20)
TEXT = b"".join(b"%d green bottles hanging on the wall\n" % number for number in range(30_000))


@dataclass(frozen=True, slots=True)
class Spec:
    """How to write it; sizes are in sectors."""

    grain: int = 128
    entries: int = 512
    compressed: bool = False
    footer: bool = False
    version: int = 1
    flags: int = 3
    zero_entries: bool = False
    """Grains of zeros get an entry of 1."""
    shuffled: bool = False
    shift: int = 0
    """From where grains would begin by habit."""
    whole_last_grain: bool = True
    extent: str = 'RW {capacity} SPARSE "x.vmdk"'
    level: int = 6


@dataclass(slots=True)
class Vmdk:
    """Where everything is, in sectors, to be changed by tests."""

    path: Path
    directory: int = 0
    tables: dict[int, int] = field(default_factory=dict)
    grains: dict[int, int] = field(default_factory=dict)

    def entry(self, grain: int, entries: int = 512) -> int:
        """The place in bytes of a grain's entry."""
        return self.tables[grain // entries] * SECTOR + grain % entries * 4


def write_vmdk(path: Path, disk: bytes | Mapping[int, bytes], spec: Spec, capacity: int = 0) -> Vmdk:
    """`disk` as one file: all of it, or grains by their number. `capacity` is in sectors."""
    size = spec.grain * SECTOR
    if isinstance(disk, bytes):
        capacity = capacity or len(disk) // SECTOR
        disk = {at // size: disk[at : at + size] for at in range(0, len(disk), size)}
    made = Vmdk(path)
    with path.open("wb") as file:
        _Writer(file, spec, capacity, made).write(disk)
    return made


class _Writer:
    def __init__(self, file, spec: Spec, capacity: int, made: Vmdk) -> None:
        self.file, self.spec, self.capacity, self.made = file, spec, capacity, made
        self.count = -(-capacity // (spec.grain * spec.entries))
        self.end = 1 + DESCRIPTOR_SECTORS
        self.entry_of: dict[int, int] = {}

    def write(self, disk: Mapping[int, bytes]) -> None:
        numbers = {number // self.spec.entries for number in disk}
        if not self.spec.footer:
            self._place_tables(numbers)
        self._grains(disk)
        if self.spec.footer:
            self._place_tables(numbers, with_markers=True)
        self._tables()
        self._header()

    def _take(self, sectors: int) -> int:
        first, self.end = self.end, self.end + sectors
        return first

    def _place_tables(self, numbers: set[int], *, with_markers: bool = False) -> None:
        marker = int(with_markers)
        length = -(-self.spec.entries * 4 // SECTOR)
        for number in sorted(numbers):
            self.made.tables[number] = self._take(length + marker) + marker
        self.made.directory = self._take(-(-self.count * 4 // SECTOR) + marker) + marker

    def _grains(self, disk: Mapping[int, bytes]) -> None:
        spec = self.spec
        if not spec.compressed:
            self.end = -(-self.end // spec.grain) * spec.grain
        self.end += spec.shift
        self.overhead = self.end
        numbers = sorted(disk)
        if spec.shuffled:
            random.Random(1).shuffle(numbers)
        for number in numbers:
            if any(disk[number]):
                self._grain(number, disk[number])
            elif spec.zero_entries:
                self.entry_of[number] = 1

    def _grain(self, number: int, content: bytes) -> None:
        if self.spec.whole_last_grain:
            content = content.ljust(self.spec.grain * SECTOR, b"\0")
        if self.spec.compressed:
            packed = zlib.compress(content, self.spec.level)
            content = _MARKER.pack(number * self.spec.grain, len(packed)) + packed
        sector = self._take(-(-len(content) // SECTOR))
        self.entry_of[number] = self.made.grains[number] = sector
        self._put(sector, content)

    def _tables(self) -> None:
        for number, sector in self.made.tables.items():
            first = number * self.spec.entries
            entries = [self.entry_of.get(first + index, 0) for index in range(self.spec.entries)]
            self._put(sector, struct.pack(f"<{len(entries)}I", *entries))
        directory = [self.made.tables.get(number, 0) for number in range(self.count)]
        self._put(self.made.directory, struct.pack(f"<{len(directory)}I", *directory))

    def _header(self) -> None:
        spec, made = self.spec, self.made
        flags = spec.flags | (COMPRESSED_FLAGS if spec.compressed else 0) | (4 if spec.zero_entries else 0)
        values = [b"KDMV", spec.version, flags, self.capacity, spec.grain, 1, DESCRIPTOR_SECTORS]
        values += [spec.entries, 0, made.directory, self.overhead, 0, b"\n \r\n", int(spec.compressed)]
        if spec.footer:
            self._put(self._take(3), struct.pack("<QII", 1, 0, 3).ljust(SECTOR, b"\0") + HEADER.pack(*values))
            values[9] = _NO_DIRECTORY
        self._put(0, HEADER.pack(*values))
        self._put(1, descriptor(spec.extent.format(capacity=self.capacity), compressed=spec.compressed))
        self.file.truncate(self.end * SECTOR)

    def _put(self, sector: int, content: bytes) -> None:
        self.file.seek(sector * SECTOR)
        self.file.write(content)


def descriptor(extent: str, *, compressed: bool = False, more: str = "") -> bytes:
    kind = "streamOptimized" if compressed else "monolithicSparse"
    return (
        f'# Disk DescriptorFile\nversion=1\nCID=7e5b80a7\nparentCID=ffffffff\ncreateType="{kind}"\n{more}\n'
        f'# Extent description\n{extent}\n\n#DDB\nddb.adapterType = "lsilogic"\n'
    ).encode()


# ---------------------------------------------------------------- the images of the tests


def mixed(size: int) -> bytes:
    """A disk of `size` bytes: noise, text, zeros, and a last sector that is none."""
    parts = [NOISE[:70_000], bytes(200_000), TEXT[:300_000], NOISE[:1000], bytes(70_000), NOISE[5000:90_000]]
    pattern = b"".join(parts)
    return (pattern * (size // len(pattern) + 1))[: max(0, size - 9)] + b"the end.\n"[-size:]


Build = Callable[[Path], Path]
"""Makes the image in a folder."""


def _by_qemu(disk: bytes, *options: str) -> Build:
    def build(folder: Path) -> Path:
        raw = folder / "disk.raw"
        raw.write_bytes(disk)
        arguments = [part for option in options for part in ("-o", option)]
        return convert(raw, folder / "x.vmdk", "raw", "vmdk", *arguments)

    return build


def _by_a_machine(size: str, writes: list[str], *options: str) -> Build:
    def build(folder: Path) -> Path:
        path = create(folder / "x.vmdk", "vmdk", size, *options)
        qemu_io(path, writes, "vmdk")
        return path

    return build


def _by_hand(disk: bytes | Mapping[int, bytes], spec: Spec, capacity: int = 0) -> Build:
    return lambda folder: write_vmdk(folder / "x.vmdk", disk, spec, capacity).path


_SIZES = [512, 65_024, 65_536, 66_048, 1 << 20, (3 << 20) + 40_960]
_FILLS: dict[str, Callable[[int], bytes]] = {
    "empty": bytes,
    "mixed": mixed,
    "dense": lambda size: (NOISE * (size // len(NOISE) + 1))[:size],
}
_WRITES = ["write -P 7 1M 200k", "write -P 9 100k 512", "write -z 1M 128k", "write -P 3 5115k 5k"]
_SCATTERED = {number: (b"%d " % number) * 5000 for number in (0, 3, 511, 512, 4095, 9000, 70_000, 73_727)}

_HANDS = {
    "usual": Spec(),
    "version 2": Spec(version=2),
    "version 3": Spec(version=3),
    "no flags": Spec(flags=0),
    "zero entries": Spec(version=2, zero_entries=True),
    "shuffled": Spec(shuffled=True),
    "at any sector": Spec(shift=3, shuffled=True),
    "at half a grain": Spec(shift=64),
    "last grain cut": Spec(whole_last_grain=False),
    "footer": Spec(footer=True),
    "read-only extent": Spec(extent='RDONLY {capacity} SPARSE "generated-stream.vmdk"'),
    "extent with a colon": Spec(extent='RW {capacity} SPARSE "disk:1.vmdk"'),
    **{f"grains of {grain}": Spec(grain=grain) for grain in (1, 8, 16, 1024, 4096, 16384)},
    **{f"tables of {entries}": Spec(grain=16, entries=entries) for entries in (1, 3, 100, 128, 511)},
}

LARGE: dict[str, Build] = {
    "qemu sparse 4.5 GiB": _by_a_machine("4608M", ["write -P 7 5M 1M", "write -P 9 4500M 2M"]),
    "qemu stream 4.5 GiB": _by_a_machine(
        "4608M", ["write -P 7 5M 64k", "write -P 9 4500M 64k"], "subformat=streamOptimized"
    ),
    "hand 4.5 GiB": _by_hand(_SCATTERED, Spec(), 9 << 20),
    "hand stream 4.5 GiB": _by_hand(_SCATTERED, Spec(compressed=True, footer=True), 9 << 20),
}
"""Too large to be read whole."""

IMAGES: dict[str, Build] = {
    **{
        f"qemu {kind} {fill} {size}": _by_qemu(make(size), f"subformat={kind}")
        for kind in ("monolithicSparse", "streamOptimized")
        for size in _SIZES
        for fill, make in _FILLS.items()
    },
    **{
        f"qemu {kind} of two tables": _by_qemu(mixed((33 << 20) + 512), f"subformat={kind}")
        for kind in ("monolithicSparse", "streamOptimized")
    },
    "qemu zeroed grains": _by_a_machine("5M", _WRITES, "zeroed_grain=on"),
    "qemu overwritten": _by_a_machine("5M", _WRITES),
    "qemu compat6": _by_a_machine("5M", _WRITES, "compat6=on"),
    **{f"hand {name}": _by_hand(mixed((2 << 20) + 5 * 512), spec) for name, spec in _HANDS.items()},
    **{
        f"hand stream {name}": _by_hand(mixed((2 << 20) + 5 * 512), replace(spec, compressed=True))
        for name, spec in _HANDS.items()
        if spec.grain <= 4096
    },
    "hand stream of stored data": _by_hand(mixed(1 << 20), Spec(compressed=True, level=0)),
}
