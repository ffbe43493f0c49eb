"""Real images, whole and spoiled, by qemu-img's word."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.images import convert, create, patch, patch_u64, qemu_img, qemu_io, read_u64

from imgtool.disk import consistency
from imgtool.disk.consistency import read_consistency
from imgtool.errors import ImgtoolError
from imgtool.formats import admit
from imgtool.formats.examine import table_bytes
from imgtool.model.facts import Known, Unknown

CLUSTER = 64 << 10
OFFSET_MASK = 0x00FFFFFFFFFFFE00


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = create(tmp_path / "disk.qcow2", "qcow2", "8M")
    qemu_io(path, ["write -P 7 1M 1M"])
    return path


def l2_entry(image: Path) -> int:
    """Where in the file the table says where the disk's second MiB is."""
    return (read_u64(image, read_u64(image, 40)) & OFFSET_MASK) + 8 * 16


def test_a_whole_image(image: Path) -> None:
    assert read_consistency(admit(image)) == Known(value=True, evidence="qemu-img check: no errors")


def test_a_cluster_in_use_that_counts_as_free_is_a_corruption(image: Path) -> None:
    cluster = read_u64(image, l2_entry(image)) & OFFSET_MASK
    block = read_u64(image, read_u64(image, 48)) & OFFSET_MASK
    patch(image, block + 2 * (cluster // CLUSTER), bytes(2))
    found = read_consistency(admit(image))
    assert isinstance(found, Known)
    assert not found.value
    assert found.evidence.endswith("corruptions")


def test_a_leaked_cluster_is_none(image: Path) -> None:
    patch_u64(image, l2_entry(image), 0)
    found = read_consistency(admit(image))
    assert found == Known(value=True, evidence="qemu-img check: 1 leaked clusters, which only waste space")


@pytest.mark.parametrize("image_format", ["raw", "vpc"])
def test_a_format_without_tables_to_check(image: Path, tmp_path: Path, image_format: str) -> None:
    path = convert(image, tmp_path / f"disk.{image_format}", "qcow2", image_format)
    found = read_consistency(admit(path, image_format))
    assert isinstance(found, Known)
    assert found.value
    assert image_format in found.evidence


@pytest.mark.parametrize("image_format", ["vmdk", "vdi", "vhdx"])
def test_the_other_formats_that_qemu_img_checks(image: Path, tmp_path: Path, image_format: str) -> None:
    path = convert(image, tmp_path / f"disk.{image_format}", "qcow2", image_format)
    assert read_consistency(admit(path)) == Known(value=True, evidence="qemu-img check: no errors")


def test_without_qemu_img_it_is_unknown(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    admitted = admit(image)
    monkeypatch.setenv("PATH", "/nowhere")
    found = read_consistency(admitted)
    assert isinstance(found, Unknown)
    assert "qemu-img is not installed" in found.reason


def test_one_that_takes_too_long_is_unknown(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistency, "deadline_seconds", lambda _: 0.0)
    found = read_consistency(admit(image))
    assert isinstance(found, Unknown)
    assert "did not end within" in found.reason


def test_one_that_takes_more_work_than_its_tables_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """qemu-img counts each cluster of the file, and these are many: none is in use."""
    path = create(tmp_path / "disk.qcow2", "qcow2", "1M", "cluster_size=512")
    with path.open("r+b") as file:
        file.truncate(150 << 30)
    monkeypatch.setattr(consistency, "BASE_CPU_SECONDS", 1)
    found = read_consistency(admit(path))
    assert found == Unknown("qemu-img check used more than 1 seconds of CPU time, and was killed")


@pytest.mark.parametrize(
    ("tables", "seconds"),
    [(0, 5), (1, 6), (2560 << 10, 6), (128 << 20, 13), (1 << 30, 65), (8 << 30, 300), (1 << 60, 300)],
)
def test_the_work_that_is_allowed_grows_with_the_tables(tables: int, seconds: int) -> None:
    assert consistency.cpu_seconds(tables) == seconds
    assert consistency.deadline_seconds(seconds) == 20 + 4 * seconds


@pytest.mark.parametrize(
    ("image_format", "options", "expected"),
    [
        ("qcow2", [], 64 << 10),
        ("qcow2", ["preallocation=metadata,cluster_size=4096"], 4 * 4096),
        ("vdi", ["static=on"], 0),
        ("raw", [], 0),
    ],
)
def test_tables_are_counted(image_format: str, options: list[str], expected: int, tmp_path: Path) -> None:
    path = create(tmp_path / f"disk.{image_format}", image_format, "8M", *options)
    if image_format == "qcow2" and not options:
        qemu_io(path, ["write 0 1M"])
    assert table_bytes(admit(path, image_format)) == expected


def test_tables_are_counted_for_each_snapshot(image: Path) -> None:
    once = table_bytes(admit(image))
    qemu_img("snapshot", "-c", "one", image)
    assert table_bytes(admit(image)) == 2 * once


def test_a_compressed_file_is_not_looked_into(image: Path) -> None:
    found = read_consistency(replace(admit(image), wrapper="gzip"))
    assert isinstance(found, Unknown)
    assert "gzip" in found.reason


def test_an_image_that_is_changed_meanwhile_is_an_error(image: Path) -> None:
    admitted = admit(image)
    qemu_io(image, ["write -P 9 5M 64k"])
    with pytest.raises(ImgtoolError, match="changed"):
        read_consistency(admitted)
