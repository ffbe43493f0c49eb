"""qcow2: header, tables and compressed clusters, through the gate, both readers, and QEMU as the judge."""

import zlib
from functools import cache

from fuzz import qemu, seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.images import MAX_WHOLE_BYTES, folder, some, whole, written
from imgtool.convert.sources.qcow2 import Qcow2Source
from imgtool.disk.qcow2 import Qcow2Stream
from imgtool.errors import ImgtoolError
from imgtool.formats import admit, open_admitted
from imgtool.formats.source import Source, naming

_KINDS = {
    "64k": ("cluster_size=64k", False),
    "512": ("cluster_size=512", False),
    "zlib": ("cluster_size=4k", True),
    "zstd": ("cluster_size=4k,compression_type=zstd", True),
    "version-2": ("compat=0.10,cluster_size=4k", True),
    "narrow-refcounts": ("refcount_bits=1,cluster_size=4k", False),
}
_WRITES = ("write -P 7 0 20k", "write -z 64k 16k", "write -P 9 100k 9000", "write -P 3 300k 64k")
_PACKED = ("write -c -P 8 1M 64k", "write -c -P 5 1100k 64k")


@cache
def _seeds() -> list[Seed]:
    found = [Seed(name, _made(name, *how)) for name, how in _KINDS.items()]
    snapshot = folder() / "snapshot.qcow2"
    snapshot.write_bytes(_made("snapshot", "cluster_size=4k", packed=False))
    seeds.qemu_img("snapshot", "-c", "one", snapshot)
    seeds.qemu_io(snapshot, ["write -P 2 0 8k"])
    return [*found, Seed("snapshot", snapshot.read_bytes())]


def _made(name: str, options: str, packed: bool) -> bytes:  # noqa: FBT001 - a column of the table
    path = seeds.create(folder() / f"{name}.qcow2", "qcow2", "2M", options)
    writes = [*_WRITES, *(_PACKED if packed else ())]
    # Unlike its neighbours in each sector: a cluster that is read from elsewhere shows.
    numbered = [f"write -P {1 + n % 250} {400 + n}k 512" for n in range(0, 48, 3)]
    seeds.qemu_io(path, [*writes, *numbered])
    return bytes(path.read_bytes())


def _run(mutant: Mutant) -> str:
    path = written(mutant, "x.qcow2")
    image = admit(path, "qcow2")
    if image.virtual_size_bytes > MAX_WHOLE_BYTES:
        with open_admitted(image) as file, naming(path):
            return f"{some(Qcow2Source(file))} of a large disk"
    with open_admitted(image) as file:
        by_stream = _by_stream(file)
        with naming(path):
            content = _by_source(file)
    # The judgement.
    assert isinstance(by_stream, bytes), f"one reader refuses what the other reads: {by_stream}"  # noqa: S101
    assert by_stream == content, "the two readers read different bytes"  # noqa: S101 - the judgement
    judged = qemu.content(path, "qcow2")
    if isinstance(judged, str):
        return f"QEMU refuses it: {judged.rpartition(str(path))[2]}"
    assert judged == content, "QEMU reads other bytes"  # noqa: S101 - the judgement
    return f"passed, {zlib.crc32(content) % 64:x} {image.snapshots} {image.cluster_size_bytes}"


def _by_stream(file: Source) -> bytes | str:
    """What inspection reads."""
    try:
        return Qcow2Stream(file).read()
    except ImgtoolError as error:
        return str(error)


def _by_source(file: Source) -> bytes:
    """What conversion reads."""
    return whole(Qcow2Source(file))


TARGETS = (Target("qcow2", _seeds, _run, (ImgtoolError,), share=80),)
