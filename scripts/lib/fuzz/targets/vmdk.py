"""VMDK: header, descriptor, grain tables and compressed grains, both readers, and QEMU as the judge."""

import zlib
from functools import cache

from fuzz import qemu, seeds
from fuzz.model import Place, Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.images import MAX_WHOLE_BYTES, folder, some, whole, written
from imgtool.convert.sources.mapped import MappedSource
from imgtool.disk.stream import MappedStream
from imgtool.errors import ImgtoolError
from imgtool.formats import admit, open_admitted
from imgtool.formats.layout import read_layout
from imgtool.formats.source import naming

_KINDS = {
    "sparse": seeds.VmdkSpec(grain=8, entries=16),
    "sectors": seeds.VmdkSpec(grain=1, entries=100),
    "zeros": seeds.VmdkSpec(grain=16, entries=4, version=2, zero_entries=True, shuffled=True),
    "anywhere": seeds.VmdkSpec(grain=8, entries=512, shift=3, shuffled=True, whole_last_grain=False),
    "usual": seeds.VmdkSpec(),
    "stream": seeds.VmdkSpec(grain=8, entries=16, compressed=True, version=3),
    "footer": seeds.VmdkSpec(grain=128, entries=2, compressed=True, footer=True),
    "large-grains": seeds.VmdkSpec(grain=512, compressed=True, shuffled=True, whole_last_grain=False),
}
_BY_QEMU = {"qemu": "subformat=monolithicSparse", "qemu-stream": "subformat=streamOptimized"}
_HEADER: Place = (0, 80)
_DESCRIPTOR: Place = (512, 300)
_DISK_BYTES = (700 << 10) + 1536


def _disk() -> bytes:
    """Parts that differ from their neighbours: a grain that is read from elsewhere shows."""
    noise = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(30_000))
    numbered = b"".join((b"part %d " % number).ljust(4096, b".") for number in range(20))
    return (numbered + bytes(200 << 10) + noise + numbered).ljust(_DISK_BYTES - 512, b"\0") + b"end " * 128


@cache
def _seeds() -> list[Seed]:
    raw = folder() / "seed.raw"
    raw.write_bytes(_disk())
    found = [_by_hand(name, spec) for name, spec in _KINDS.items()]
    for name, options in _BY_QEMU.items():
        path = folder() / "seed.vmdk"
        seeds.qemu_img("convert", "-f", "raw", "-O", "vmdk", "-o", options, raw, path)
        found.append(Seed(name, path.read_bytes(), (_HEADER, _DESCRIPTOR, (21 << 9, 512), (26 << 9, 2560))))
    return found


def _by_hand(name: str, spec: seeds.VmdkSpec) -> Seed:
    made = seeds.write_vmdk(folder() / "seed.vmdk", _disk(), spec)
    tables = [(sector << 9, min(spec.entries * 4, 512)) for sector in made.tables.values()][:4]
    grains = [(sector << 9, 24) for sector in made.grains.values()][:3] if spec.compressed else []
    content = made.path.read_bytes()
    footer = [(len(content) - 1536, 600)] if spec.footer else []
    directory = (made.directory << 9, len(made.tables) * 4)
    return Seed(name, content, (_HEADER, _DESCRIPTOR, directory, *tables, *grains, *footer))


def _run(mutant: Mutant) -> str:
    path = written(mutant, "x.vmdk")
    image = admit(path, "vmdk")
    with open_admitted(image) as file, naming(path):
        source = MappedSource(file, read_layout("vmdk", file.read_at, file.size_bytes))
        if image.virtual_size_bytes > MAX_WHOLE_BYTES:
            return f"{some(source)} of a large disk"
        content = whole(source)
        layout = read_layout("vmdk", file.read_at, file.size_bytes)
        # The judgement.
        assert MappedStream(file, layout).read() == content, "the two readers differ"  # noqa: S101
    judged = qemu.content(path, "vmdk")  # a parent that the gate let through would show as other content
    if isinstance(judged, str):
        return f"QEMU refuses it: {judged.rpartition(str(path))[2]}"
    assert judged == content, "QEMU reads other bytes"  # noqa: S101 - the judgement
    return f"passed, {zlib.crc32(content) % 64:x}"


TARGETS = (Target("vmdk", _seeds, _run, (ImgtoolError,), share=60),)
