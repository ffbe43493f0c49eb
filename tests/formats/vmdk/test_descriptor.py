"""Which descriptors of a VMDK are let in, and that the refused ones are worth it: QEMU follows them."""

from pathlib import Path

import pytest
from support.hostile.vmdk_descriptors import LAST, leaking
from support.images import judgement, patch, raw_content
from support.vmdk_images import DESCRIPTOR_SECTORS, SECTOR, Spec, descriptor, mixed, write_vmdk

from imgtool.errors import UnsafeImageError
from imgtool.formats import admit


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text("root:CANARY-bd2c1e:0:0\n" * 100)
    return path


@pytest.mark.parametrize("sector", [2, 3, 11, LAST])
def test_qemu_follows_a_parent_beyond_the_descriptor(sector: int, canary: Path, tmp_path: Path) -> None:
    path = leaking(tmp_path / "x.vmdk", canary, sector)
    assert b"CANARY" in raw_content(path, "vmdk")
    assert isinstance(judgement(path), UnsafeImageError)


def _with(path: Path, text: bytes) -> Path:
    write_vmdk(path, mixed(1 << 20), Spec())
    return patch(path, SECTOR, text.ljust(DESCRIPTOR_SECTORS * SECTOR, b"\0"))


@pytest.mark.parametrize(
    "extent",
    [
        'RW 2048 SPARSE "x.vmdk"',
        'RDONLY 2048 SPARSE "generated-stream.vmdk"',
        'RDONLY 2048 SPARSE "call-me-stream.vmdk"',
        'rw 2048 sparse ""',
        'RW 2048 SPARSE "C:\\disk 1.vmdk"',
        'RW 2048 SPARSE "json:{}"',
    ],
)
def test_an_extent_that_is_the_file_itself(extent: str, tmp_path: Path) -> None:
    assert admit(_with(tmp_path / "x.vmdk", descriptor(extent))).virtual_size_bytes == 1 << 20


@pytest.mark.parametrize(
    "extent",
    [
        "",
        'NOACCESS 2048 SPARSE "x.vmdk"',
        'RW 2048 FLAT "x.vmdk" 0',
        'RW 2048 SPARSE "/etc/hostname"',
        'RW 2048 SPARSE "../x.vmdk"',
        'RW 2048 SPARSE "x.vmdk" 0',
        'RW 2048 VMFSSPARSE "x.vmdk"',
        "RW 2048 ZERO",
        'RW 1024 SPARSE "x.vmdk"\nRDONLY 1024 SPARSE "y.vmdk"',
    ],
)
def test_an_extent_that_is_another(extent: str, tmp_path: Path) -> None:
    answer = judgement(_with(tmp_path / "x.vmdk", descriptor(extent)))
    assert isinstance(answer, UnsafeImageError)
    assert "other extents than the one" in answer.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"parentCID=ffffffff", b"parentCID=00000000"),
        (b"parentCID=ffffffff", b"parentCID=fffffffff"),
        (b"parentCID=ffffffff", b"parent=ffffffff"),
        (b"parentCID=ffffffff", b"parentCID=ffffffff\nparentCID=ffffffff"),
        (b"parentCID=ffffffff", b'parentCID=ffffffff\nddb.x="parentCID=1"'),
    ],
)
def test_a_parent_by_its_content(old: bytes, new: bytes, tmp_path: Path) -> None:
    text = descriptor('RW 2048 SPARSE "x.vmdk"').replace(old, new)
    answer = judgement(_with(tmp_path / "x.vmdk", text))
    assert isinstance(answer, UnsafeImageError)
    assert "stands on a parent" in answer.message


def test_a_descriptor_as_windows_writes_it(tmp_path: Path) -> None:
    text = descriptor('RW 2048 SPARSE "x.vmdk"').replace(b"\n", b"\r\n")
    assert admit(_with(tmp_path / "x.vmdk", text)).format == "vmdk"
