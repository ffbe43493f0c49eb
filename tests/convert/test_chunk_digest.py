"""The hash by chunks: what it is, that holes are zeros, and that docs/upload.md says how to compute it."""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documentation import DOCS, blocks

from imgtool.convert import chunk_digest, digest
from imgtool.convert.digest import SHA256, SHA256_CHUNKS, background_digest, hash_of_file
from imgtool.errors import ImageUnreadableError
from imgtool.formats.gate import admit
from imgtool.formats.source import open_source

MIB = 1 << 20
Write = tuple[int, int, int]
"""Offset, length, and the byte that is written: 0 is a zero that is allocated."""


def naive(content: bytes) -> str:
    """As docs/upload.md describes it in words."""
    lines = []
    for number, start in enumerate(range(0, len(content), MIB), 1):
        chunk = content[start : start + MIB]
        if len(chunk) < MIB or chunk.strip(b"\0"):
            lines.append(f"{number}:{hashlib.sha256(chunk).hexdigest()}")
    return hashlib.sha256("\n".join([*lines, f"{len(content)}\n"]).encode()).hexdigest()


def sparse(path: Path, size: int, writes: Sequence[Write]) -> Path:
    """A file of `size` bytes with holes where nothing is written."""
    with path.open("wb") as file:
        for offset, length, byte in writes:
            start = min(offset, size)
            file.seek(start)
            file.write(bytes([byte]) * min(length, size - start))
        file.truncate(size)
    return path


def of(path: Path) -> str:
    with background_digest(admit(path, "raw"), (SHA256_CHUNKS,)) as found:
        assert found is not None
        return found.value(SHA256_CHUNKS)


LARGEST = 20 * MIB + 3
PLACES = st.integers(0, LARGEST) | st.integers(0, 20).map(lambda number: number * MIB)
WRITES = st.lists(st.tuples(PLACES, st.integers(0, 3 * MIB), st.sampled_from([0, 1, 255])), max_size=6)


@given(st.integers(1, LARGEST) | st.integers(1, 20).map(lambda number: number * MIB), WRITES)
@settings(deadline=None, max_examples=60)
def test_it_is_what_a_naive_reading_gives(size: int, writes: list[Write]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = sparse(Path(folder) / "a.raw", size, writes)
        assert hash_of_file(path, SHA256_CHUNKS) == naive(path.read_bytes())


CASES: dict[str, tuple[int, Sequence[Write]]] = {
    "a hole only": (3 * MIB, []),
    "a short hole only": (3 * MIB + 512, []),
    "less than a chunk": (512, [(0, 512, 1)]),
    "data in the end of a chunk": (4 * MIB, [(2 * MIB - 1, 1, 7)]),
    "data across two chunks": (4 * MIB, [(2 * MIB - 4096, 8192, 7)]),
    "a short last chunk": (5 * MIB + 1024, [(0, 10, 1), (5 * MIB, 1024, 3)]),
    "written zeros": (5 * MIB, [(MIB, 2 * MIB, 0), (3 * MIB, 5, 1)]),
    "more than each thread's piece": (70 * MIB, [(place * MIB, MIB, place) for place in range(1, 69)]),
}


@pytest.fixture(params=CASES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    size, writes = CASES[request.param]
    return sparse(tmp_path / "golden.raw", size, writes)


def test_the_documented_script_and_command_compute_the_same(path: Path) -> None:
    (script,) = blocks(DOCS / "upload.md", "python")
    (command,) = blocks(DOCS / "upload.md", "bash")
    by_script = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    by_command = subprocess.run(
        ["bash", "-c", command], cwd=path.parent, capture_output=True, text=True, check=True
    )
    assert len(script.splitlines()) <= 10
    assert by_script.stdout == f"{of(path)}\n"
    assert by_command.stdout == f"{of(path)}  -\n"


def test_neither_allocation_nor_what_the_file_system_tells_decides(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of(path)
    full = path.with_name("full.raw")
    full.write_bytes(path.read_bytes())
    reserved = path.with_name("reserved.raw")
    subprocess.run(["cp", "--sparse=always", path, reserved], check=True)
    subprocess.run(["fallocate", "--keep-size", "--length", str(path.stat().st_size), reserved], check=True)
    assert full.stat().st_blocks * 512 >= path.stat().st_size
    assert [of(full), of(reserved)] == [expected, expected]
    monkeypatch.setattr(chunk_digest, "flush_and_probe", lambda _source: False)
    assert of(path) == expected


def test_a_byte_a_place_and_the_size_decide(tmp_path: Path) -> None:
    files = {
        "one": (4 * MIB, [(MIB, 5, 1)]),
        "another byte": (4 * MIB, [(MIB, 5, 2)]),
        "a byte further": (4 * MIB, [(MIB + 1, 5, 1)]),
        "a chunk further": (4 * MIB, [(2 * MIB, 5, 1)]),
        "longer": (5 * MIB, [(MIB, 5, 1)]),
        "a byte longer": (4 * MIB + 1, [(MIB, 5, 1)]),
    }
    found = {of(sparse(tmp_path / name, *made)) for name, made in files.items()}
    assert len(found) == len(files)


def test_only_data_is_read_so_that_a_huge_disk_has_one(tmp_path: Path) -> None:
    huge = sparse(tmp_path / "huge.raw", 4 << 40, [(place << 30, 4096, 9) for place in range(1, 4000, 400)])
    assert huge.stat().st_size > digest.MAX_BYTES
    lines = [f"{(place << 10) + 1}" for place in range(1, 4000, 400)]
    chunk = hashlib.sha256(bytes([9]) * 4096 + bytes(MIB - 4096)).hexdigest()
    text = "".join(f"{number}:{chunk}\n" for number in lines) + f"{4 << 40}\n"
    assert of(huge) == hashlib.sha256(text.encode()).hexdigest()


def test_a_disk_with_too_much_data_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "MAX_BYTES", MIB)
    image = admit(sparse(tmp_path / "a.raw", 2 * MIB, [(0, 2 * MIB, 1)]), "raw")
    with background_digest(image, (SHA256_CHUNKS,)) as found:
        assert found is None


def test_it_is_computed_beside_the_hash_of_the_whole_file(path: Path) -> None:
    with background_digest(admit(path, "raw"), (SHA256, SHA256_CHUNKS)) as found:
        assert found is not None
        assert found.algorithms == {SHA256, SHA256_CHUNKS}
        assert found.value(SHA256) == hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.value(SHA256_CHUNKS) == naive(path.read_bytes())


def test_a_file_that_changed_is_told(path: Path) -> None:
    image = admit(path, "raw")
    with path.open("ab") as file:
        file.write(b"more")
    with background_digest(image, (SHA256_CHUNKS,)) as found:
        assert found is not None
        with pytest.raises(ImageUnreadableError, match="changed"):
            found.value(SHA256_CHUNKS)


def test_a_file_that_changes_while_it_is_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sparse(tmp_path / "a.raw", 40 * MIB, [(0, 40 * MIB, 5)])
    read = chunk_digest._lines

    def slowly(source: object, piece: object, *rest: object) -> bytes:
        if piece == (16 * MIB, 24 * MIB):
            with path.open("r+b") as file:
                file.write(b"other")
        return read(source, piece, *rest)  # type: ignore[arg-type]  # as much as is asked of it

    monkeypatch.setattr(chunk_digest, "_lines", slowly)
    with background_digest(admit(path, "raw"), (SHA256_CHUNKS,)) as found:
        assert found is not None
        with pytest.raises(ImageUnreadableError, match="changed"):
            found.value(SHA256_CHUNKS)
    path.write_bytes(bytes([5]) * 40 * MIB)
    with pytest.raises(ImageUnreadableError, match="changed"):
        hash_of_file(path, SHA256_CHUNKS)


def test_an_end_of_the_block_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sparse(tmp_path / "a.raw", 64 << 30, [])
    monkeypatch.setattr(chunk_digest, "flush_and_probe", lambda _source: False)
    with background_digest(admit(path, "raw"), (SHA256_CHUNKS,)) as found:
        assert found is not None
    assert found.finished


def test_its_threads_stand_back_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sparse(tmp_path / "a.raw", 40 * MIB, [(0, 40 * MIB, 5)])
    seen = set()
    read = chunk_digest._lines

    def watched(*arguments: object) -> bytes:
        seen.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return read(*arguments)  # type: ignore[arg-type]  # as much as is asked of it

    monkeypatch.setattr(chunk_digest, "_lines", watched)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    of(path)
    assert seen == {digest.NICE}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    seen.clear()
    hash_of_file(path, SHA256_CHUNKS)
    assert seen == {before}


def test_what_several_threads_read_stands_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(random.Random(1).randbytes(100 * MIB + 77))
    found = set()
    for threads in (1, 2, 8):
        monkeypatch.setattr(chunk_digest, "default_threads", lambda threads=threads: threads)
        with open_source(path) as source:
            found.add(chunk_digest.hash_chunks(source, Event()))
    assert found == {naive(path.read_bytes())}
