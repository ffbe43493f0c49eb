"""One contract for every source: the same disk comes out, in order, whatever the buffers held before."""

import gzip
import lzma
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest
from support.images import convert
from support.memory_disk import MemorySink, MemorySource
from support.vmdk_images import Spec, write_vmdk

from imgtool.convert.base import Source
from imgtool.convert.engine import Work, copy
from imgtool.convert.sources.file import FileSource
from imgtool.convert.sources.mapped import MappedSource
from imgtool.convert.sources.qcow2 import Qcow2Source
from imgtool.convert.sources.stream import StreamSource, read_stream
from imgtool.disk.wrapped import Budget
from imgtool.errors import ImageUnreadableError
from imgtool.formats.layout import read_layout
from imgtool.formats.source import open_source
from imgtool.formats.wrapper import chunks, inflate
from imgtool.util.progress import NullMeter

PIECE = 2 << 20
Opened = Callable[[Path, ExitStack], Source]


def _content() -> bytes:
    noise = random.Random(3).randbytes(1 << 20)
    text = b"".join(b"line %d of some text\n" % number for number in range(100_000))
    scattered = b"".join((noise[:4096] if n % 5 else b"").ljust(16384, b"\0") for n in range(200))
    return noise + bytes(5 << 20) + text[: 1 << 20] + scattered + bytes(777 * 512) + noise[: 512 * 301]


CONTENT = _content()


def _file(use_extents: bool) -> Opened:
    return lambda raw, stack: FileSource(stack.enter_context(open_source(raw)), use_extents=use_extents)


def _qcow2(*options: str) -> Opened:
    def opened(raw: Path, stack: ExitStack) -> Source:
        image = convert(raw, raw.with_suffix(".qcow2"), "raw", "qcow2", *options)
        return Qcow2Source(stack.enter_context(open_source(image)))

    return opened


def _mapped(image_format: str, *options: str) -> Opened:
    def opened(raw: Path, stack: ExitStack) -> Source:
        image = convert(raw, raw.with_suffix(f".{image_format}"), "raw", image_format, *options)
        return _mapped_source(image, image_format, stack)

    return opened


def _vmdk(spec: Spec) -> Opened:
    def opened(raw: Path, stack: ExitStack) -> Source:
        image = write_vmdk(raw.with_suffix(".vmdk"), raw.read_bytes(), spec).path
        return _mapped_source(image, "vmdk", stack)

    return opened


def _mapped_source(image: Path, image_format: str, stack: ExitStack) -> Source:
    file = stack.enter_context(open_source(image))
    return MappedSource(file, read_layout(image_format, file.read_at, file.size_bytes))


VMDK_SPECS = {
    "of sectors": Spec(grain=1),
    "of 2M": Spec(grain=4096),
    "stream of 4k": Spec(grain=8, compressed=True),
    "stream of 2M": Spec(grain=4096, compressed=True, footer=True),
    "in any order": Spec(grain=32, shuffled=True, shift=5),
    "stream in any order": Spec(compressed=True, shuffled=True),
}


def _inflated(wrapper: str, compress: Callable[[bytes], bytes]) -> Opened:
    def opened(raw: Path, stack: ExitStack) -> Source:
        path = raw.with_suffix(".compressed")
        path.write_bytes(compress(raw.read_bytes()))
        file = stack.enter_context(open_source(path))
        content = inflate(wrapper, chunks(file.read_at, file.size_bytes))
        return StreamSource(content, Budget(file.size_bytes))

    return opened


def _pipe(raw: Path, stack: ExitStack) -> Source:
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as stream:
            stream.write(raw.read_bytes())

    feeder = threading.Thread(target=feed)
    feeder.start()
    stack.callback(os.close, reader)
    stack.callback(feeder.join)
    return StreamSource(read_stream(reader, Event()), Budget(None))


KINDS: dict[str, Opened] = {
    "memory": lambda raw, stack: MemorySource(raw.read_bytes()),
    "file": _file(use_extents=True),
    "file without extents": _file(use_extents=False),
    "gzip": _inflated("gzip", gzip.compress),
    "xz": _inflated("xz", lambda content: lzma.compress(content, preset=0)),
    "pipe": _pipe,
    "qcow2": _qcow2(),
    "qcow2 version 2": _qcow2("-o", "compat=0.10"),
    "qcow2 preallocated": _qcow2("-o", "preallocation=metadata"),
    **{
        f"qcow2 {size} {method}": _qcow2("-c", "-o", f"cluster_size={size},compression_type={method}")
        for size in ("512", "4k", "64k", "2M")
        for method in ("zlib", "zstd")
    },
    "qcow2 512": _qcow2("-o", "cluster_size=512"),
    "qcow2 2M": _qcow2("-o", "cluster_size=2M"),
    "vhd": _mapped("vpc", "-o", "force_size=on"),
    "vhd fixed": _mapped("vpc", "-o", "force_size=on,subformat=fixed"),
    "vdi": _mapped("vdi"),
    "vdi static": _mapped("vdi", "-o", "static=on"),
    "vhdx": _mapped("vhdx"),
    "vhdx 1M": _mapped("vhdx", "-o", "block_size=1M,block_state_zero=off"),
    "vhdx fixed": _mapped("vhdx", "-o", "subformat=fixed"),
    "vmdk": _mapped("vmdk"),
    "vmdk stream": _mapped("vmdk", "-o", "subformat=streamOptimized"),
    **{f"vmdk {name}": _vmdk(spec) for name, spec in VMDK_SPECS.items()},
}


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Source]:
    raw = folder / "disk.raw"
    raw.write_bytes(CONTENT)
    with ExitStack() as stack:
        yield KINDS[kind](raw, stack)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 3])
def test_the_disk_comes_out_whole(kind: str, threads: int, tmp_path: Path) -> None:
    sink = MemorySink()
    with opened(kind, tmp_path) as source:
        copied = copy(source, sink, Work(PIECE, threads), NullMeter(), Event())
        assert source.size_bytes == len(CONTENT)
    assert sink.content == CONTENT
    assert copied < len(CONTENT) - (5 << 20)
    assert sink.placed == sorted(sink.placed)


@pytest.mark.parametrize("kind", KINDS)
def test_loads_may_come_in_any_order_and_old_bytes_never_show(kind: str, tmp_path: Path) -> None:
    pieces = []
    with opened(kind, tmp_path) as source:
        while (piece := source.take(buffer := bytearray(b"\xff" * PIECE))) is not None:
            pieces.append(piece)
            assert len(buffer) == PIECE
        contents = [piece.load() for piece in reversed(pieces)]
    found = bytearray(len(CONTENT))
    for content in contents:
        start = content.start_bytes
        assert start % PIECE == 0
        for first, end in content.runs:
            assert 0 <= first < end <= content.length_bytes
            found[start + first : start + end] = content.buffer[first:end]
    assert found == CONTENT


def test_a_qcow2_that_is_cut_off_meanwhile_is_an_error(tmp_path: Path) -> None:
    raw = tmp_path / "disk.raw"
    raw.write_bytes(CONTENT)
    image = convert(raw, tmp_path / "disk.qcow2", "raw", "qcow2")
    with open_source(image) as file:
        source = Qcow2Source(file)
        os.truncate(image, 65536 * 4 + 100)
        with pytest.raises(ImageUnreadableError, match="cut off"):
            source.take(bytearray(PIECE))
