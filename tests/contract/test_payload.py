"""One contract for every payload: as many bytes as it said, the same each time, or an error."""

import gc
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.images import convert, patch, qemu_io

from imgtool.convert.payload import Bytes, Payload, open_payload
from imgtool.convert.payloads.chunks import CHUNK_BYTES
from imgtool.errors import ImageUnreadableError
from imgtool.formats import admit
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullProgress

MIB = 1 << 20


def _content() -> bytes:
    noise = random.Random(3).randbytes(MIB)
    scattered = b"".join((noise[:4096] if n % 5 else b"").ljust(16384, b"\0") for n in range(200))
    return b"\1\2" + noise + bytes(5 * MIB) + scattered + bytes(777 * 512) + noise[: 512 * 301 + 100]


KINDS: dict[str, tuple[list[str], str, bool]] = {
    "raw as it is": ([], "raw", False),
    "qcow2 as it is": (["qcow2"], "qcow2", False),
    "vmdk as it is": (["vmdk"], "vmdk", False),
    "raw to raw": ([], "raw", True),
    "raw to qcow2": ([], "qcow2", False),
    "qcow2 to raw": (["qcow2"], "raw", False),
    "compressed qcow2 to raw": (["qcow2", "-c"], "raw", False),
    "qcow2 to qcow2": (["qcow2", "-o", "cluster_size=4k"], "qcow2", True),
    "compressed qcow2 to qcow2": (["qcow2", "-c", "-o", "cluster_size=2M"], "qcow2", True),
}
STREAMED = [kind for kind in KINDS if "as it is" not in kind]


def made(kind: str, folder: Path) -> DiskImage:
    options, _, _ = KINDS[kind]
    raw = folder / "disk.raw"
    raw.write_bytes(_content())
    if not options:
        return admit(raw, "raw")
    target_format, *more = options
    return admit(convert(raw, folder / f"disk.{target_format}", "raw", target_format, *more))


def still_open() -> tuple[int, int]:
    """Descriptors and threads; what an error of an earlier test still refers to goes first."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()


@contextmanager
def opened(kind: str, image: DiskImage) -> Iterator[Payload]:
    _, disk_format, rewrite = KINDS[kind]
    with open_payload(image, disk_format, NullProgress(), rewrite=rewrite) as payload:
        yield payload


def content(payload: Bytes) -> bytes:
    return b"".join(bytes(chunk) for chunk in payload.chunks())


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_same_bytes_each_time_and_as_many_as_was_said(kind: str, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    with opened(kind, image) as payload:
        first = [bytes(chunk) for chunk in payload.chunks()]
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in first)
        assert sum(map(len, first)) == payload.size_bytes
        assert content(payload) == b"".join(first)
    with opened(kind, image) as payload:
        assert content(payload) == b"".join(first)


@pytest.mark.parametrize("given_up_after", [0, 1, 3])
def test_a_reading_that_is_given_up_leaves_nothing_and_harms_none(
    kind: str, given_up_after: int, tmp_path: Path
) -> None:
    threads = threading.active_count()
    with opened(kind, made(kind, tmp_path)) as payload:
        descriptors = len(os.listdir("/proc/self/fd"))
        chunks = payload.chunks()
        for _ in range(given_up_after):
            next(chunks)
        chunks.close()
        assert threading.active_count() == threads
        assert sum(map(len, payload.chunks())) == payload.size_bytes
        assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_reading_that_nobody_closes_ends_with_the_next_one_and_with_the_payload(
    kind: str, tmp_path: Path
) -> None:
    threads = threading.active_count()
    with opened(kind, made(kind, tmp_path)) as payload:
        forgotten = payload.chunks()
        next(forgotten)
        assert len(content(payload)) == payload.size_bytes
        assert threading.active_count() == threads
        assert next(forgotten, None) is None
        last = payload.chunks()
        next(last)
    assert threading.active_count() == threads
    assert next(last, None) is None


def test_an_error_of_who_sends_leaves_nothing(kind: str, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    descriptors, threads = still_open()
    with pytest.raises(BrokenPipeError) as failure, opened(kind, image) as payload:
        for _ in payload.chunks():
            raise BrokenPipeError
    assert failure.tb, "its frames still refer to the reading"
    assert still_open() == (descriptors, threads)


def test_nothing_stays_open(kind: str, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    descriptors, threads = still_open()
    with opened(kind, image) as payload:
        next(payload.chunks())
    assert still_open() == (descriptors, threads)


def test_what_changed_is_never_complete(kind: str, tmp_path: Path) -> None:
    """The last chunk is not handed out, so that who counts the bytes refuses what came."""
    image = made(kind, tmp_path)
    received = 0
    with (
        pytest.raises(ImageUnreadableError, match=f"{image.path}: it changed"),
        opened(kind, image) as payload,
    ):
        size = payload.size_bytes
        for chunk in payload.chunks():
            if received == 0:
                patch(image.path, image.file_size_bytes - 1, b"z")
            received += len(chunk)
    assert received < size


@pytest.mark.parametrize("length", [512, 3 * MIB])
def test_what_became_shorter_is_never_complete(kind: str, length: int, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    received = 0
    with pytest.raises(ImageUnreadableError, match=str(image.path)), opened(kind, image) as payload:
        size = payload.size_bytes
        os.truncate(image.path, length)
        for chunk in payload.chunks():
            received += len(chunk)
    assert received < size


def test_a_change_that_nobody_read_is_noticed_at_the_end(kind: str, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    with pytest.raises(ImageUnreadableError, match="it changed"), opened(kind, image):
        patch(image.path, 600, b"z")


def test_another_file_of_the_same_name_is_refused(kind: str, tmp_path: Path) -> None:
    image = made(kind, tmp_path)
    image.path.rename(tmp_path / "old")
    made(kind, tmp_path)
    with pytest.raises(ImageUnreadableError, match="it changed"), opened(kind, image):
        pass


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("raw to qcow2", "write -P 7 3M 64k"),
        ("raw to qcow2", "write -z 0 64k"),
        ("raw to qcow2", "write -z 9M 500k"),
        ("qcow2 to qcow2", "write -z 0 64k"),
    ],
)
def test_data_elsewhere_than_planned_is_an_error(kind: str, command: str, tmp_path: Path) -> None:
    """Also where the times of the file tell nothing, as those of a block device."""
    image = made(kind, tmp_path)
    before = image.path.stat()
    with pytest.raises(ImageUnreadableError, match="it changed"), opened(kind, image) as payload:
        qemu_io(image.path, [command], image.format)
        os.utime(image.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        for _ in payload.chunks():
            pass


@pytest.mark.parametrize("kind", KINDS)
def test_the_disk_in_it_is_what_a_glance_that_converts_keeps(kind: str, tmp_path: Path) -> None:
    _, wanted, rewrite = KINDS[kind]
    with open_payload(made(kind, tmp_path), wanted, NullProgress(), rewrite=rewrite) as payload:
        assert (payload.disk is None) == (wanted == "raw")
        if payload.disk is not None:
            disk = content(payload.disk)
            assert len(disk) == payload.disk.size_bytes
            assert disk == _content().ljust(-(-len(_content()) // 512) * 512, b"\0")


def test_a_file_whose_disk_cannot_be_read_is_sent_all_the_same(tmp_path: Path) -> None:
    """It is refused where it matters: by the check before, or where Glance converted it."""
    image = made("qcow2 as it is", tmp_path)
    patch(image.path, 4 << 16, (1 << 63 | 1 << 40).to_bytes(8, "big"))  # the first L2 table's first entry
    with open_payload(admit(image.path), "qcow2", NullProgress()) as payload:
        assert content(payload) == image.path.read_bytes()
        assert payload.disk is not None
        with pytest.raises(ImageUnreadableError):
            content(payload.disk)
