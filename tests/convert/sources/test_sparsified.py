"""Sources of every format without what is free: zeros there, and the rest as it was."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.images import convert
from support.memory_disk import MemorySink, MemorySource

from imgtool.convert.base import Source
from imgtool.convert.engine import Work, copy
from imgtool.convert.sources.file import FileSource
from imgtool.convert.sources.mapped import MappedSource
from imgtool.convert.sources.qcow2 import Qcow2Source
from imgtool.convert.sources.sparsified import SparsifiedSource
from imgtool.formats.layout import read_layout
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.source import open_source
from imgtool.util.progress import NullMeter
from imgtool.util.ranges import Ranges

MIB, PIECE = 1 << 20, 2 << 20
CONTENT = random.Random(9).randbytes(7 * MIB) + bytes(MIB) + b"text " * (MIB // 5) + bytes(768)
SIZE = len(CONTENT) - len(CONTENT) % 512


def _mapped(name: str) -> Callable[[OpenFile, Ranges], Source]:
    return lambda file, free: MappedSource(file, read_layout(name, file.read_at, file.size_bytes), free=free)


KINDS: dict[str, tuple[str, tuple[str, ...], Callable[[OpenFile, Ranges], Source]]] = {
    "raw": ("raw", (), lambda file, free: FileSource(file, free=free)),
    "raw without extents": ("raw", (), lambda file, free: FileSource(file, use_extents=False, free=free)),
    "qcow2": ("qcow2", (), lambda file, free: Qcow2Source(file, free=free)),
    "qcow2 of 512": ("qcow2", ("-o", "cluster_size=512"), lambda file, free: Qcow2Source(file, free=free)),
    "qcow2 compressed": ("qcow2", ("-c",), lambda file, free: Qcow2Source(file, free=free)),
    "vdi": ("vdi", (), _mapped("vdi")),
    "vmdk stream": ("vmdk", ("-o", "subformat=streamOptimized"), _mapped("vmdk")),
}


def expected(content: bytes, free: Ranges) -> bytes:
    found = bytearray(content)
    for start, end in free:
        found[start:end] = bytes(end - start)
    return bytes(found)


def some_runs(chance: random.Random, size: int) -> Ranges:
    """Short and long ones, edges on sectors."""
    found = []
    for _ in range(chance.randrange(1, 40)):
        start = chance.randrange(size // 512)
        found.append((start * 512, min(size, (start + int(chance.paretovariate(0.5))) * 512)))
    return Ranges(sorted(found))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_free_is_zero_and_the_rest_is_as_it_was(kind: str, tmp_path: Path) -> None:
    image_format, options, opened = KINDS[kind]
    raw = tmp_path / "disk.raw"
    raw.write_bytes(CONTENT[:SIZE])
    image = raw if image_format == "raw" else convert(raw, tmp_path / "image", "raw", image_format, *options)
    chance = random.Random(kind)
    for _ in range(6):
        free = some_runs(chance, SIZE)
        with ExitStack() as stack:
            inner = opened(stack.enter_context(open_source(image)), free.at_least(64 << 10))
            source, sink = SparsifiedSource(inner, free), MemorySink()
            copy(source, sink, Work(PIECE, 2), NullMeter(), Event())
        assert bytes(sink.content[:SIZE]) == expected(CONTENT[:SIZE], free)


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vdi"])
def test_what_is_free_is_not_read(kind: str, tmp_path: Path) -> None:
    image_format, options, opened = KINDS[kind]
    raw = tmp_path / "disk.raw"
    raw.write_bytes(CONTENT[:SIZE])
    image = raw if image_format == "raw" else convert(raw, tmp_path / "image", "raw", image_format, *options)
    read = 0
    with open_source(image) as file:
        source = opened(file, Ranges([(MIB, 6 * MIB)]))
        while (piece := source.take(bytearray(PIECE))) is not None:
            read += piece.load().read_bytes
    assert read <= SIZE - 5 * MIB


@given(st.lists(st.tuples(st.integers(0, 64), st.integers(0, 64)), max_size=8).map(sorted))
def test_to_the_sector(sectors: list[tuple[int, int]]) -> None:
    content, free = b"\xff" * (64 * 512), Ranges((start * 512, end * 512) for start, end in sectors)
    sink = MemorySink()
    source = SparsifiedSource(MemorySource(content), free)
    copy(source, sink, Work(16384, 1), NullMeter(), Event())
    assert bytes(sink.content) == expected(content, free)
