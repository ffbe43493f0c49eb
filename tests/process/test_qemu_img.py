from pathlib import Path

import pytest
from support.images import convert, create, opened, patch_u64, qemu_io, read_u64

from imgtool.errors import ToolFailedError
from imgtool.process import qemu_img


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = create(tmp_path / "disk.qcow2", "qcow2", "8M")
    qemu_io(path, ["write -P 7 1M 1M"])
    return path


def check(path: Path, image_format: str) -> qemu_img.CheckResult:
    with opened(path, image_format) as image:
        return qemu_img.check(image)


def compare(first: Path, first_format: str, second: Path, second_format: str) -> qemu_img.Comparison:
    with opened(first, first_format) as one, opened(second, second_format) as other:
        return qemu_img.compare(one, other)


def test_the_version_is_a_number_to_compare():
    assert qemu_img.version() >= (5, 1, 0)
    assert str(qemu_img.version()).count(".") == 2


def test_check_clean_leaking_corrupt_and_unsupported(image: Path, tmp_path: Path):
    assert check(image, "qcow2") == qemu_img.CheckResult(supported=True)
    raw = convert(image, tmp_path / "disk.raw", "qcow2", "raw")
    assert check(raw, "raw") == qemu_img.CheckResult(supported=False)
    assert not check(raw, "raw").clean
    l2_table = read_u64(image, read_u64(image, 40)) & 0x00FFFFFFFFFFFE00
    entry = read_u64(image, l2_table + 8 * 16)
    patch_u64(image, l2_table + 8 * 16, 0)
    leaking = check(image, "qcow2")
    assert (leaking.leaks, leaking.corruptions, leaking.clean) == (1, 0, False)
    patch_u64(image, l2_table + 8 * 16, entry + 512)
    corrupt = check(image, "qcow2")
    assert corrupt.corruptions > 0
    assert not corrupt.clean


def test_what_is_no_image_at_all_fails_with_the_reason(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"nothing")
    with pytest.raises(ToolFailedError, match="Image is not in qcow2 format"):
        check(path, "qcow2")


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_convert_reports_how_far_it_is(image: Path, tmp_path: Path, compression):
    fractions: list[float] = []
    target = tmp_path / "out.qcow2"
    with opened(image, "qcow2") as source, opened(target, "qcow2", new=True) as made:
        qemu_img.convert(source, made, compression=compression, on_fraction=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert compare(image, "qcow2", target, "qcow2").same


def test_compare_says_where_they_differ(image: Path, tmp_path: Path):
    raw = convert(image, tmp_path / "disk.raw", "qcow2", "raw")
    with raw.open("r+b") as file:
        file.seek(4 << 20)
        file.write(b"x")
    comparison = compare(image, "qcow2", raw, "raw")
    assert not comparison.same
    assert "4194304" in comparison.message
