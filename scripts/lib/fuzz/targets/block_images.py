"""VHD, VDI and VHDX: headers and block tables through the gate, both readers, and QEMU as the judge."""

import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from fuzz import qemu, seeds
from fuzz.model import Edit, Place, Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.images import MAX_WHOLE_BYTES, folder, some, whole, written
from imgtool.convert.sources.mapped import MappedSource
from imgtool.disk.stream import MappedStream
from imgtool.errors import ImgtoolError
from imgtool.formats import admit, open_admitted
from imgtool.formats.layout import read_layout
from imgtool.formats.source import naming

_MIB = 1 << 20
_SMALL = 64 << 10
_NUMBERS = [0, 1, 2, 5, 6]
_ORDER = [5, 0, 2, 1, 6]
_VHD_PLACES: tuple[Place, ...] = ((0, 512), (512, 640), (1536, 64), (1536, 64))
_VDI_PLACES: tuple[Place, ...] = ((64, 512 - 64), (0x154, 0x40), (512, 32), (512, 32))
_VHDX_PLACES: tuple[Place, ...] = (
    (64 << 10, 80),
    (128 << 10, 80),
    (192 << 10, 80),
    (2 * _MIB, 200),
    (2 * _MIB + _SMALL, 40),
    (3 * _MIB, 64),
    (3 * _MIB, 64),
)
_AZURE = b"wa\0\0"
"""A creator whose disks QEMU 7.2 reads with another size than later ones."""


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    finally:
        path.unlink()


@cache
def _vhd_seeds() -> list[Seed]:
    path = folder() / "seed.vhd"
    blocks = seeds.blocks_of(_NUMBERS, _SMALL - 100)
    small = seeds.Vhd(8 * _SMALL - 512, _SMALL)
    by_geometry = small._replace(creator=b"vpc ", geometry=(15, 4, 17))
    usual = seeds.create(folder() / "usual.vhd", "vpc", "6M")
    seeds.qemu_io(usual, ["write -P 7 0 20k", "write -P 9 4M 9000"], "vpc")
    return [
        Seed("small", _bytes(small.write(path, blocks, _ORDER)), _VHD_PLACES),
        Seed("by-geometry", _bytes(by_geometry.write(path, blocks)), _VHD_PLACES),
        Seed("usual", _bytes(usual), _VHD_PLACES),
        Seed("fixed", _bytes(small.write_fixed(path, blocks[0])), ((8 * _SMALL - 512, 512),)),
    ]


@cache
def _vdi_seeds() -> list[Seed]:
    path = folder() / "seed.vdi"
    dynamic, static = seeds.Vdi(7 * _MIB), seeds.Vdi(7 * _MIB - 1000, 2, unused=0xFFFFFFFE)
    blocks = seeds.blocks_of(_NUMBERS, 5000)
    return [
        Seed("dynamic", _bytes(dynamic.write(path, blocks, _ORDER)), _VDI_PLACES),
        Seed("static", _bytes(static.write(path, blocks)), _VDI_PLACES),
    ]


@cache
def _vhdx_seeds() -> list[Seed]:
    path = folder() / "seed.vhdx"
    small = seeds.Vhdx(7 * _MIB)
    large = seeds.Vhdx(14 * _MIB - 512, 2 * _MIB, unused=2)
    blocks = seeds.blocks_of(_NUMBERS, 5000)
    usual = seeds.create(folder() / "usual.vhdx", "vhdx", "6M", "block_size=1M")
    seeds.qemu_io(usual, ["write -P 7 0 20k", "write -P 9 4M 9000"], "vhdx")
    return [
        Seed("small", _bytes(small.write(path, blocks, _ORDER)), _VHDX_PLACES),
        Seed("large", _bytes(large.write(path, blocks)), _VHDX_PLACES),
        Seed("usual", _bytes(usual), _VHDX_PLACES),
    ]


def _run(image_format: str, mutant: Mutant) -> str:
    path = written(mutant, f"x.{image_format}")
    image = admit(path, image_format)
    with open_admitted(image) as file, naming(path):
        source = MappedSource(file, read_layout(image_format, file.read_at, file.size_bytes))
        if image.virtual_size_bytes > MAX_WHOLE_BYTES:
            return f"{some(source)} of a large disk"
        content = whole(source)
        layout = read_layout(image_format, file.read_at, file.size_bytes)
        # The judgement.
        assert MappedStream(file, layout).read() == content, "the two readers differ"  # noqa: S101
    if _AZURE in (mutant.content[28:32], mutant.content[-484:-480]):
        return "passed, of Azure"
    judged = qemu.content(path, image_format)
    if isinstance(judged, str):
        return f"QEMU refuses it: {judged.rpartition(str(path))[2]}"
    assert judged == content, "QEMU reads other bytes"  # noqa: S101 - the judgement
    return f"passed, {zlib.crc32(content) % 64:x}"


def _repair_vhd(mutant: Mutant) -> tuple[Edit, ...]:
    places = [(0, 512, 64), (512, 1024, 36), (len(mutant.content) - 512, 512, 64)]
    return _sealed(
        mutant, [(at, size, partial(seeds.vhd_checksum, at=sum_at)) for at, size, sum_at in places]
    )


def _repair_vhdx(mutant: Mutant) -> tuple[Edit, ...]:
    """The second region table becomes the first: most mutants are of the first."""
    places = [(_SMALL, 4096), (2 * _SMALL, 4096), (3 * _SMALL, _SMALL)]
    edits = _sealed(mutant, [(at, size, seeds.sealed) for at, size in places])
    tables = [edit for edit in edits if edit.offset == 3 * _SMALL]
    return (*edits, *(Edit(4 * _SMALL, _SMALL, table.data) for table in tables))


def _sealed(mutant: Mutant, places: list[tuple[int, int, Callable[[bytes], bytes]]]) -> tuple[Edit, ...]:
    content = mutant.content
    return tuple(
        Edit(at, size, seal(content[at : at + size]))
        for at, size, seal in places
        if at >= 0 and at + size <= len(content)
    )


TARGETS = (
    Target("vpc", _vhd_seeds, partial(_run, "vpc"), (ImgtoolError,), repair=_repair_vhd, share=18),
    Target("vdi", _vdi_seeds, partial(_run, "vdi"), (ImgtoolError,), share=15),
    Target("vhdx", _vhdx_seeds, partial(_run, "vhdx"), (ImgtoolError,), repair=_repair_vhdx, share=10),
)
