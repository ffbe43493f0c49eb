"""Plans are values; execution is verified by qemu-img and leaves nothing half done."""

import json
import os
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from support.hostile.vmdk_pairs import vmdk_pair
from support.images import create, create_unsafe, opened, patch, qemu_io, read_u64
from support.in_process import imgtool_here

from imgtool.convert import convert
from imgtool.errors import ConversionError, ImageUnreadableError, UsageError, VerificationError
from imgtool.formats.gate import admit
from imgtool.formats.qcow2.tables import OFFSET_MASK
from imgtool.model.conversion import ConversionOptions
from imgtool.process import qemu_img
from imgtool.util.progress import NullProgress


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.raw"
    with path.open("wb") as stream:
        stream.write(os.urandom(300_000))
        stream.seek(5 << 20)
        stream.write(b"text " * 50_000)
        stream.truncate(8 << 20)
    return path


def run(source: Path, target: Path, target_format: convert.TargetFormat, **options) -> None:
    convert.execute(convert.plan(admit(source), target, target_format, **options), NullProgress())


def same(first: Path, second: Path) -> bool:
    formats = [qemu_img_format(path) for path in (first, second)]
    with opened(first, formats[0]) as one, opened(second, formats[1]) as other:
        return qemu_img.compare(one, other).same


def qemu_img_format(path: Path) -> str:
    argv = ["qemu-img", "info", "--output=json", path]
    return json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["format"]


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_raw_to_qcow2_and_back(source: Path, tmp_path: Path, compression) -> None:
    there, back = tmp_path / "there.qcow2", tmp_path / "back.raw"
    run(source, there, "qcow2", compression=compression)
    assert qemu_img_format(there) == "qcow2"
    assert same(source, there)
    run(there, back, "raw")
    assert back.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.raw", "source.raw", "there.qcow2"]


@pytest.mark.parametrize("other", ["vmdk", "vdi", "vpc", "vhdx"])
def test_other_formats_come_in(source: Path, tmp_path: Path, other: str) -> None:
    image = tmp_path / f"image.{other}"
    options = ["-o", "force_size=on"] if other == "vpc" else []
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", other, *options, source, image], check=True)
    run(image, tmp_path / "out.raw", "raw")
    assert (tmp_path / "out.raw").read_bytes() == source.read_bytes()


class Counter(NullProgress):
    total, done = 0, 0

    def meter(self, label: str, total_bytes: int | None):
        self.total = total_bytes or 0
        return nullcontext(self)

    def advance(self, amount_bytes: int) -> None:
        assert amount_bytes >= 0
        self.done += amount_bytes


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_progress_of_a_compressed_image_is_what_is_read_of_its_file(
    source: Path, compression: str, tmp_path: Path
) -> None:
    packed, counter = tmp_path / "packed.qcow2", Counter()
    convert.execute(convert.plan(admit(source), packed, "qcow2", compression), NullProgress())
    convert.execute(convert.plan(admit(packed), tmp_path / "out.raw", "raw"), counter)
    assert 0 < counter.done <= counter.total == admit(packed).allocated_bytes


def test_zeros_that_are_read_count_as_progress(tmp_path: Path) -> None:
    zeros, counter = tmp_path / "zeros.raw", Counter()
    zeros.write_bytes(bytes(4 << 20))
    convert.execute(convert.plan(admit(zeros), tmp_path / "out.qcow2", "qcow2"), counter)
    assert counter.done == counter.total == 4 << 20


def test_progress_counts_every_byte_once(source: Path, tmp_path: Path) -> None:
    counter = Counter()
    convert.execute(convert.plan(admit(source), tmp_path / "out.qcow2", "qcow2"), counter)
    assert counter.done == counter.total == admit(source).allocated_bytes


def test_a_compressed_raw_makes_no_sense(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="raw image cannot be compressed"):
        convert.plan(admit(source), tmp_path / "out.raw", "raw", "zlib")


@pytest.mark.parametrize("options", [{"level": 9}, {"threads": 1}, {"use_extents": False}])
def test_options_of_the_native_engine_are_refused_for_qemu_img(source: Path, options, tmp_path: Path) -> None:
    wanted = ConversionOptions(engine="qemu-img", **options)
    with pytest.raises(UsageError, match="are the native engine's"):
        convert.plan(admit(source), tmp_path / "out.qcow2", "qcow2", "zlib", options=wanted)


def test_an_existing_target_is_kept_unless_forced(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.qcow2"
    target.write_text("precious")
    with pytest.raises(UsageError, match="already exists"):
        run(source, target, "qcow2")
    assert target.read_text() == "precious"
    run(source, target, "qcow2", overwrite=True)
    assert same(source, target)


def test_the_source_is_never_the_target(source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.qcow2"
    link.hardlink_to(source)
    for target in (source, link):
        with pytest.raises(UsageError, match="is the source itself"):
            run(source, target, "qcow2", overwrite=True)


@pytest.mark.parametrize("source", ["x.vmdk", "x-flat.vmdk"])
@pytest.mark.parametrize("target", ["x.vmdk", "x-flat.vmdk"])
def test_no_file_of_a_pair_is_the_target(source: str, target: str, tmp_path: Path) -> None:
    vmdk_pair(tmp_path)
    planned = convert.plan(admit(tmp_path / source), tmp_path / target, "raw", overwrite=True)
    with pytest.raises(UsageError, match="is the source itself"):
        convert.execute(planned, NullProgress())


def test_a_missing_folder_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no/such does not exist"):
        run(source, tmp_path / "no" / "such" / "target.qcow2", "qcow2")


def test_a_failed_conversion_leaves_the_old_target_and_nothing_else(
    source: Path, tmp_path: Path, monkeypatch
) -> None:
    target = tmp_path / "target.qcow2"
    target.write_text("precious")
    plan = convert.plan(admit(source), target, "qcow2", overwrite=True)
    monkeypatch.setattr(qemu_img, "check", lambda *_: qemu_img.CheckResult(supported=True, corruptions=1))
    with pytest.raises(VerificationError, match="1 corruptions"):
        convert.execute(plan, NullProgress())
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.raw", "target.qcow2"]


def test_a_target_on_a_full_disk_is_an_error_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
    try:
        with pytest.raises(ConversionError, match="not converted"):
            run(source, small / "target.qcow2", "qcow2")
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize(("size", "compression", "lacks"), [("256k", "none", True), ("64m", "none", False)])
def test_a_lack_of_room_is_told_beforehand(
    source: Path, tmp_path: Path, size: str, compression, lacks: bool
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=True)
    try:
        told = convert.lack_of_room(convert.plan(admit(source), small / "target.qcow2", "qcow2", compression))
        assert (told is not None) is lacks
        assert told is None or "256.0 KiB are free in" in told
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_source_that_changes_meanwhile_is_noticed(source: Path, tmp_path: Path) -> None:
    plan = convert.plan(admit(source), tmp_path / "target.qcow2", "qcow2")
    with source.open("r+b") as stream:
        stream.write(b"changed")
    with pytest.raises(Exception, match="chang"):
        convert.execute(plan, NullProgress())
    assert not (tmp_path / "target.qcow2").exists()


def test_a_guest_that_wrote_a_qcow2_header_into_its_disk_is_refused(tmp_path: Path) -> None:
    """The raw file that would come out is itself a qcow2 with a backing file."""
    inner, image = tmp_path / "inner.qcow2", tmp_path / "image.qcow2"
    create_unsafe(inner)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", inner, image], check=True)
    with pytest.raises(Exception, match="qcow2"):
        run(image, tmp_path / "out.raw", "raw")
    assert not (tmp_path / "out.raw").exists()


def corrupt(source: Path, kind: str) -> Path:
    """A qcow2 in which one cluster of data counts as free, or another as leaked."""
    image = create(source.with_name("source.qcow2"), "qcow2", "8M")
    qemu_io(image, ["write -P 7 0 64k", "write -P 8 1M 64k"])
    block = read_u64(image, read_u64(image, 48)) & OFFSET_MASK
    table = read_u64(image, read_u64(image, 40)) & OFFSET_MASK
    cluster = (read_u64(image, table) & OFFSET_MASK) >> 16
    if kind == "leaked":
        return patch(image, block + 2 * 40, (1).to_bytes(2, "big"))
    return patch(image, block + 2 * cluster, bytes(2))


@pytest.mark.parametrize("engine", ["native", "qemu-img"])
@pytest.mark.parametrize("made", ["raw", "qcow2"])
def test_a_source_that_is_corrupt_is_refused_unless_that_is_wanted(
    source: Path, tmp_path: Path, made: convert.TargetFormat, engine: Any
) -> None:
    image, target = corrupt(source, "free"), tmp_path / "target"
    options = ConversionOptions(engine=engine)
    with pytest.raises(
        ImageUnreadableError, match=r"contradict each other \(qemu-img check: \d+ corruptions\)"
    ):
        run(image, target, made, options=options)
    with pytest.raises(ImageUnreadableError, match="contradict each other"):
        convert.preflight(convert.plan(admit(image), target, made, options=options))
    assert not target.exists()
    run(image, target, made, options=options, trusted=True)
    assert same(image, target)


def test_leaked_clusters_are_no_corruption(source: Path, tmp_path: Path) -> None:
    image = corrupt(source, "leaked")
    run(image, tmp_path / "target.raw", "raw")
    assert same(image, tmp_path / "target.raw")


def test_the_command_says_how_to_go_on(source: Path, tmp_path: Path) -> None:
    image, target = corrupt(source, "free"), tmp_path / "target.raw"
    run_ = imgtool_here("convert", image, target)
    assert run_.returncode == 3
    assert f"{image}: its tables contradict each other" in run_.stderr
    assert "--force" in run_.stderr
    assert imgtool_here("convert", "--force", image, target).returncode == 0
