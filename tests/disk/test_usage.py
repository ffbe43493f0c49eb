"""Where images made by QEMU keep their data, by what was written where."""

import errno
import os
from pathlib import Path

import pytest
from support.images import convert, create, qemu_io

from imgtool.disk import usage
from imgtool.formats import admit
from imgtool.model.inspection import DiskMap

MIB = 1 << 20


def mapped(path: Path) -> DiskMap:
    found = usage.map_disk(admit(path))
    assert found
    return found


def kept(found: DiskMap, start: int, end: int) -> float:
    """Bytes between `start` and `end`, which are at borders of cells."""
    first, last = start // found.cell_bytes, -(-end // found.cell_bytes)
    return sum(found.filled[first:last]) * found.cell_bytes


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """200 MiB with 3 MiB of data at 10 MiB and 1 MiB at its end."""
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.truncate(200 * MIB)
        for start, length in ((10 * MIB, 3 * MIB), (199 * MIB, MIB)):
            file.seek(start)
            file.write(b"\x55" * length)
        os.fsync(file)
    return path


def test_a_sparse_raw_file_keeps_what_was_written(raw: Path) -> None:
    found = mapped(raw)
    assert (found.size_bytes, found.cell_bytes, len(found.filled)) == (200 * MIB, MIB, 200)
    assert found.filled[10:13] == (1.0, 1.0, 1.0)
    assert found.filled[199] == 1.0
    assert sum(found.filled) == pytest.approx(4, abs=0.1)


def test_one_extent_with_many_cells_is_looked_up_once(raw: Path, monkeypatch) -> None:
    calls = []
    seek = os.lseek
    monkeypatch.setattr(os, "lseek", lambda *arguments: calls.append(arguments) or seek(*arguments))
    mapped(raw)
    assert len(calls) < 12


def test_a_cell_with_too_many_extents_is_estimated(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(usage, "CELL_EXTENTS", 4)
    path = tmp_path / "striped.raw"
    with path.open("wb") as file:
        file.truncate(200 * MIB)
        for start in range(16 << 10, MIB, 16 << 10):
            file.seek(start)
            file.write(b"\x55" * 8192)
        os.fsync(file)
    found = mapped(path)
    assert found.filled[0] == pytest.approx(0.5, abs=0.1)
    assert set(found.filled[1:]) == {0.0}


def test_a_file_system_that_cannot_tell_gives_no_map(raw: Path, monkeypatch) -> None:
    seek = os.lseek

    def refuse(descriptor: int, position: int, whence: int) -> int:
        if whence in {os.SEEK_DATA, os.SEEK_HOLE}:
            raise OSError(errno.EINVAL, "Invalid argument")
        return seek(descriptor, position, whence)

    image = admit(raw)
    monkeypatch.setattr(os, "lseek", refuse)
    assert usage.map_disk(image) is None


CLUSTERS = pytest.mark.parametrize("cluster", [4 << 10, 64 << 10, 1 << 20])


@CLUSTERS
def test_a_qcow2_keeps_data_and_no_zeros(tmp_path: Path, cluster: int) -> None:
    path = create(tmp_path / "disk.qcow2", "qcow2", "200M", f"cluster_size={cluster}")
    writes = ["write -P 7 10M 3M", "write -z 20M 2M", "write -P 7 199M 1M"]
    zeroed = ["write -P 7 40M 2M", "write -z 40M 2M"]  # a zero cluster that still has its place in the file
    qemu_io(path, [*writes, *zeroed])
    found = mapped(path)
    assert found.filled[10:13] == (1.0, 1.0, 1.0)
    assert found.filled[199] == 1.0
    assert sum(found.filled) == 4


@CLUSTERS
def test_a_compressed_cluster_is_data_wherever_it_stands(tmp_path: Path, cluster: int) -> None:
    path = create(tmp_path / "disk.qcow2", "qcow2", "200M", f"cluster_size={cluster}")
    places = range(30 * MIB, 30 * MIB + 9 * cluster, cluster)
    qemu_io(path, [f"write -c -P {1 + number} {place} {cluster}" for number, place in enumerate(places)])
    found = mapped(path)
    assert kept(found, 30 * MIB, 40 * MIB) == pytest.approx(9 * cluster, rel=0.01)
    assert sum(found.filled) * MIB == pytest.approx(9 * cluster, rel=0.01)


def test_runs_stand_for_a_large_qcow2(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(usage, "CELL_CLUSTERS", 8)
    monkeypatch.setattr(usage, "RUN_CLUSTERS", 2)
    path = create(tmp_path / "disk.qcow2", "qcow2", "200M", "cluster_size=16k")
    qemu_io(path, ["write -P 7 50M 100M"])
    found = mapped(path)
    assert kept(found, 50 * MIB, 150 * MIB) == 100 * MIB
    assert kept(found, 0, 50 * MIB) == kept(found, 150 * MIB, 200 * MIB) == 0


def test_a_huge_disk_takes_a_bounded_number_of_looks(tmp_path: Path, monkeypatch) -> None:
    looks = []
    is_kept = usage._is_kept
    monkeypatch.setattr(usage, "_is_kept", lambda entry: looks.append(entry) or is_kept(entry))
    path = create(tmp_path / "disk.qcow2", "qcow2", "8T", "cluster_size=2M")
    qemu_io(path, ["write -P 7 1T 64k", "write -P 7 5T 64k"])
    mapped(path)
    assert 0 < len(looks) <= usage.CELLS * usage.CELL_CLUSTERS


def test_other_formats_have_no_map(tmp_path: Path, raw: Path) -> None:
    path = convert(raw, tmp_path / "disk.vmdk", "raw", "vmdk")
    assert usage.map_disk(admit(path)) is None
