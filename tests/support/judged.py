"""Compares what our readers read from an image with what QEMU reads from it."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from threading import Event

from support.images import qemu_img, raw_content
from support.memory_disk import MemorySink

from imgtool.convert.engine import Work, copy
from imgtool.convert.sources.mapped import MappedSource
from imgtool.disk.stream import MappedStream
from imgtool.formats import admit
from imgtool.formats.layout import read_layout
from imgtool.formats.source import open_source
from imgtool.util.progress import NullMeter

PIECE_BYTES = 1 << 20


def read_both_ways(path: Path, image_format: str) -> bytes:
    """The disk as inspection reads it, which is the same as conversion does. The gate has passed it."""
    image = admit(path, image_format)
    with open_source(path) as file:
        stream = MappedStream(file, read_layout(image.format, file.read_at, file.size_bytes)).read()
        source = MappedSource(file, read_layout(image.format, file.read_at, file.size_bytes))
        sink = MemorySink()
        copy(source, sink, Work(PIECE_BYTES, 2), NullMeter(), Event())
    assert bytes(sink.content).ljust(source.size_bytes, b"\0") == stream
    assert len(stream) == image.virtual_size_bytes
    return stream


def assert_read_as_qemu_does(path: Path, image_format: str) -> bytes:
    """The disk, after both readers and QEMU agreed on it."""
    content = read_both_ways(path, image_format)
    judged = raw_content(path, image_format)
    assert len(content) == len(judged)
    assert content == judged
    return content


def assert_places_read_as_qemu_does(path: Path, image_format: str, places: Iterable[int]) -> None:
    """512 bytes at each of these places of a disk that is too large to be read whole."""
    places = sorted(places)
    with open_source(path) as file:
        layout = read_layout(image_format, file.read_at, file.size_bytes)
        layout.check()
        disk = MappedStream(file, layout)
        for place, judged in zip(places, _read_by_qemu(path, image_format, places), strict=True):
            disk.seek(place)
            assert disk.read(512) == judged


def _read_by_qemu(path: Path, image_format: str, places: Iterable[int]) -> list[bytes]:
    commands = [part for place in places for part in ("-c", f"read -v {place} 512")]
    done = subprocess.run(
        ["qemu-io", "-r", "-f", image_format, *commands, path], check=True, capture_output=True, text=True
    )
    rows = re.findall(r"^[0-9a-f]{8,}:  ((?:[0-9a-f]{2} ){16})", done.stdout, re.MULTILINE)
    return [bytes.fromhex("".join(rows[first : first + 32])) for first in range(0, len(rows), 32)]


def kept_by_qemu(path: Path, image_format: str) -> list[tuple[int, int, int]]:
    """Start, end and place in the file of what QEMU finds kept; neighbours are one. Not of VHDX."""
    found = json.loads(qemu_img("map", "--output=json", "-f", image_format, path))
    return _merged((part["start"], part["start"] + part["length"], part.get("offset")) for part in found)


def kept_by_layout(path: Path, image_format: str) -> list[tuple[int, int, int]]:
    """The same of the layout."""
    with open_source(path) as file:
        layout = read_layout(image_format, file.read_at, file.size_bytes)
        layout.check()
        spans = []
        position = 0
        while position < layout.size_bytes:
            span = layout.span_at(position)
            assert span.start_bytes <= position < span.end_bytes
            spans.append((span.start_bytes, span.end_bytes, span.offset_bytes))
            position = span.end_bytes
        return _merged(spans)


def _merged(parts: Iterable[tuple[int, int, int | None]]) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for start, end, offset in parts:
        if offset is None:
            continue
        last = found[-1] if found else (0, 0, -1)
        if last[1] == start and last[2] + last[1] - last[0] == offset:
            found[-1] = (last[0], end, last[2])
        else:
            found.append((start, end, offset))
    return found
