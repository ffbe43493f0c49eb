import os
from pathlib import Path

import pytest
from support.images import convert, create, patch_u64, qemu_io, read_u64

from imgtool import qemu_img
from imgtool.errors import ToolFailedError

STRANGE_NAMES = [
    "a:b.qcow2",
    "json:{}.qcow2",
    "-leading-dash",
    "with space, comma",
    "quo'te\"s`$(x)",
    "new\nline",
    "100%s%n",
    os.fsdecode(b"not-utf8-\xff\xfe"),
    "nbd:unix:x",
    "ünïcode",
]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = create(tmp_path / "disk.qcow2", "qcow2", "8M")
    qemu_io(path, ["write -P 7 1M 1M"])
    return path


def test_the_version_is_a_number_to_compare():
    assert qemu_img.version() >= (5, 1, 0)
    assert str(qemu_img.version()).count(".") == 2


def test_info(image: Path):
    info = qemu_img.info(image, "qcow2")
    assert (info.format, info.virtual_size_bytes) == ("qcow2", 8 << 20)
    assert info.allocated_bytes == image.stat().st_blocks * 512


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names_are_only_names(image: Path, tmp_path: Path, name: str):
    source = image.rename(tmp_path / name)
    target = tmp_path / f"{name}.raw"
    qemu_img.convert(source, "qcow2", target, "raw")
    assert target.stat().st_size == 8 << 20
    assert qemu_img.info(source, "qcow2").virtual_size_bytes == 8 << 20
    assert qemu_img.check(source, "qcow2").clean
    assert qemu_img.compare(source, "qcow2", target, "raw").same


def test_a_relative_path_is_a_bug_of_the_caller(image: Path, monkeypatch):
    monkeypatch.chdir(image.parent)
    with pytest.raises(ValueError, match="absolute"):
        qemu_img.info(Path(image.name), "qcow2")


def test_check_clean_leaking_corrupt_and_unsupported(image: Path, tmp_path: Path):
    assert qemu_img.check(image, "qcow2") == qemu_img.CheckResult(supported=True)
    raw = convert(image, tmp_path / "disk.raw", "qcow2", "raw")
    assert qemu_img.check(raw, "raw") == qemu_img.CheckResult(supported=False)
    assert not qemu_img.check(raw, "raw").clean
    l2_table = read_u64(image, read_u64(image, 40)) & 0x00FFFFFFFFFFFE00
    entry = read_u64(image, l2_table + 8 * 16)
    patch_u64(image, l2_table + 8 * 16, 0)
    leaking = qemu_img.check(image, "qcow2")
    assert (leaking.leaks, leaking.corruptions, leaking.clean) == (1, 0, False)
    patch_u64(image, l2_table + 8 * 16, entry + 512)
    corrupt = qemu_img.check(image, "qcow2")
    assert corrupt.corruptions > 0
    assert not corrupt.clean


def test_what_is_no_image_at_all_fails_with_the_reason(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"nothing")
    with pytest.raises(ToolFailedError, match="Image is not in qcow2 format"):
        qemu_img.info(path, "qcow2")
    with pytest.raises(ToolFailedError, match="Image is not in qcow2 format"):
        qemu_img.check(path, "qcow2")


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_convert_reports_how_far_it_is(image: Path, tmp_path: Path, compression):
    fractions: list[float] = []
    target = tmp_path / "out.qcow2"
    qemu_img.convert(image, "qcow2", target, "qcow2", compression=compression, on_fraction=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert qemu_img.compare(image, "qcow2", target, "qcow2").same


def test_compare_says_where_they_differ(image: Path, tmp_path: Path):
    raw = convert(image, tmp_path / "disk.raw", "qcow2", "raw")
    with raw.open("r+b") as file:
        file.seek(4 << 20)
        file.write(b"x")
    comparison = qemu_img.compare(image, "qcow2", raw, "raw")
    assert not comparison.same
    assert "4194304" in comparison.message


def test_compare_raises_where_it_cannot_compare(image: Path, tmp_path: Path):
    with pytest.raises(ToolFailedError, match="No such file"):
        qemu_img.compare(image, "qcow2", tmp_path / "missing", "raw")
