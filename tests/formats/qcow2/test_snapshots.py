"""Internal snapshots: sound ones pass, whatever QEMU makes; the hostile ones are in tests/support/hostile."""

from pathlib import Path

import pytest
from support.images import create, qemu_img, qemu_io

from imgtool.formats import admit
from imgtool.formats.examine import examine_clusters


@pytest.mark.parametrize(
    "options", [["compat=1.1"], ["compat=0.10"], ["cluster_size=512"], ["cluster_size=2M"]]
)
def test_snapshots_that_qemu_made(options: list[str], tmp_path: Path) -> None:
    path = create(tmp_path / "x.qcow2", "qcow2", "8M", *options)
    for number in range(20):
        qemu_io(path, [f"write -P {number} {number * 256}k 512k"])
        qemu_img("snapshot", "-c", f"a longer name of snapshot {number}", path)
        assert admit(path).snapshots == number + 1
    for number in range(0, 20, 3):
        qemu_img("snapshot", "-d", f"a longer name of snapshot {number}", path)
    image = admit(path)
    assert image.snapshots == 13
    examine_clusters(image)


def test_a_disk_that_was_made_smaller(tmp_path: Path) -> None:
    """Its L1 table stays as large as it was."""
    path = create(tmp_path / "x.qcow2", "qcow2", "1G", "cluster_size=4k")
    qemu_io(path, ["write -P 1 1000M 1M"])
    qemu_img("resize", "--shrink", "-f", "qcow2", path, "10M")
    assert admit(path).virtual_size_bytes == 10 << 20
    examine_clusters(admit(path))


def test_a_copy_without_the_zeros_of_its_tables(tmp_path: Path) -> None:
    """All tables were made and emptied again: zeros, which a copy can leave out."""
    path = create(tmp_path / "x.qcow2", "qcow2", "64G", "preallocation=metadata")
    qemu_io(path, ["discard 0 1G"])
    image = admit(path)
    assert image.allocated_bytes < 64 << 20
    examine_clusters(image)
