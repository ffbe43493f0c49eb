"""What can be sent as what, and what is refused before anything is."""

import gzip
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from support.images import convert, create, patch

from imgtool.convert.payload import can_stream, open_payload
from imgtool.errors import ImageUnreadableError, UsageError, VerificationError
from imgtool.formats import admit
from imgtool.formats.source import identify
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullProgress

MIB = 1 << 20


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"\1\2".ljust(MIB, b"\3") + bytes(3 * MIB + 100))
    return path


def image_of(raw: Path, image_format: str) -> DiskImage:
    if image_format == "raw":
        return admit(raw)
    return admit(convert(raw, raw.with_suffix(f".{image_format}"), "raw", image_format))


@pytest.mark.parametrize(
    ("image_format", "disk_format", "streams", "rewritten"),
    [
        ("raw", "raw", True, True),
        ("raw", "iso", True, True),
        ("raw", "qcow2", True, True),
        ("raw", "vmdk", False, False),
        ("qcow2", "raw", True, True),
        ("qcow2", "QCOW2", True, True),
        ("qcow2", "vhd", False, False),
        ("vmdk", "vmdk", True, False),
        ("vmdk", "raw", True, True),
        ("vpc", "vhd", True, False),
        ("vpc", "vpc", True, False),
        ("vdi", "qcow2", True, True),
        ("raw", "ploop", False, False),
        ("raw", "\x1b[1m", False, False),
    ],
)
def test_what_can_be_sent_as_what(
    image_format: str, disk_format: str, streams: bool, rewritten: bool, raw: Path
) -> None:
    image = image_of(raw, image_format)
    for rewrite, possible in ((False, streams), (True, rewritten)):
        assert can_stream(image, disk_format, rewrite=rewrite) == possible
        if not possible:
            with (
                pytest.raises(UsageError, match="cannot be sent as") as refused,
                open_payload(image, disk_format, NullProgress(), rewrite=rewrite),
            ):
                pass
            assert str(image.path) in refused.value.message
            assert refused.value.message.isprintable()
            assert refused.value.hint


def test_what_can_be_read_once_only_cannot_be_sent(raw: Path, tmp_path: Path) -> None:
    wrapped = tmp_path / "disk.raw.gz"
    wrapped.write_bytes(gzip.compress(raw.read_bytes()))
    for image in (admit(wrapped), replace(admit(raw), streamed=True)):
        for disk_format in ("raw", "qcow2"):
            assert not can_stream(image, disk_format)
            with pytest.raises(UsageError), open_payload(image, disk_format, NullProgress()):
                pass


def test_a_guest_that_pretends_to_be_an_image_is_refused_at_once(tmp_path: Path) -> None:
    inner = create(tmp_path / "inner.qcow2", "qcow2", "1M")
    outer = admit(convert(inner, tmp_path / "outer.qcow2", "raw", "qcow2"))
    with (
        pytest.raises(VerificationError, match=r"outer\.qcow2: the raw disk starts with a qcow2 header"),
        open_payload(outer, "raw", NullProgress()),
    ):
        pass
    with open_payload(outer, "qcow2", NullProgress(), rewrite=True) as payload:
        assert payload.size_bytes > 0


def test_a_damaged_image_is_refused_by_its_name(raw: Path) -> None:
    image = image_of(raw, "qcow2")
    entry = int.from_bytes(image.path.read_bytes()[40:48], "big")  # l1_table_offset
    patch(image.path, entry, b"\x80\0\0\0\0\x7f\0\0")
    damaged = replace(image, identity=identify(image.path.stat(), image.file_size_bytes))
    for disk_format in ("raw", "qcow2"):
        with (
            pytest.raises(ImageUnreadableError, match=r"disk\.qcow2: ") as refused,
            open_payload(damaged, disk_format, NullProgress(), rewrite=True),
        ):
            pass
        assert refused.value.message.count("disk.qcow2") == 1


def test_the_size_is_that_of_the_disk_in_whole_sectors(raw: Path) -> None:
    for image_format in ("raw", "qcow2"):
        with open_payload(image_of(raw, image_format), "raw", NullProgress(), rewrite=True) as payload:
            assert payload.size_bytes == 4 * MIB + 512
    with open_payload(admit(raw), "raw", NullProgress()) as payload:
        assert payload.size_bytes == 4 * MIB + 100


def test_planning_is_metered(raw: Path) -> None:
    class Meter:
        done = 0

        def advance(self, amount_bytes: int) -> None:
            self.done += amount_bytes

    class Watching(NullProgress):
        meters: dict[str, tuple[int | None, Meter]] = {}

        def meter(self, label: str, total_bytes: int | None):
            self.meters[label] = (total_bytes, Meter())
            return nullcontext(self.meters[label][1])

    with open_payload(admit(raw), "qcow2", progress := Watching()):
        total, meter = progress.meters["plan"]
    assert total == meter.done
