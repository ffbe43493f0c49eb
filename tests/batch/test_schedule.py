import os
from dataclasses import replace
from pathlib import Path

import pytest

from imgtool.batch import schedule
from imgtool.model.batch import Task
from imgtool.model.delivery import GlanceTarget


def task(source: str | Path) -> Task:
    return Task("k", str(source), "n", GlanceTarget("n"), "hash")


def file(path: Path, size_bytes: int, *, hole: bool = False) -> Path:
    with path.open("wb") as stream:
        if hole:
            stream.truncate(size_bytes)
        else:
            stream.write(b"x" * size_bytes)
            stream.flush()
            os.fsync(stream.fileno())
    return path


def test_what_takes_longest_comes_first(tmp_path: Path) -> None:
    small, large = file(tmp_path / "small", 4096), file(tmp_path / "large", 1 << 20)
    sparse, huge = file(tmp_path / "sparse", 1 << 20, hole=True), file(tmp_path / "huge", 1 << 30, hole=True)
    sources = [str(small), str(sparse), str(tmp_path / "none"), str(large), "https://h/x", str(huge)]
    ordered = [one.source for one in schedule.longest_first(map(task, sources))]
    assert ordered == ["https://h/x", *map(str, (huge, large, sparse, small, tmp_path / "none"))]


def test_no_more_jobs_than_tasks_and_at_least_one(tmp_path: Path) -> None:
    assert schedule.default_jobs([task("/none")], tmp_path) == 1
    assert schedule.default_jobs([], tmp_path) == 1
    many = schedule.default_jobs([task("/none")] * 1000, tmp_path)
    assert 1 <= many <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("gib", "jobs"), [(64, 8), (1, 4), (0, 1)])
def test_memory_bounds_the_jobs(gib: int, jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {gib << 20} kB\n")
    monkeypatch.setattr(schedule, "_MEMINFO", meminfo)
    monkeypatch.setattr(schedule, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    assert schedule.default_jobs([task("/none")] * 100, tmp_path) == jobs


def test_a_boot_takes_a_guest_s_memory_besides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_available_bytes", lambda: 4 << 30)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    booted = [replace(task("/none"), boot=True)] * 100
    assert schedule.default_jobs(booted, tmp_path) == 2


@pytest.mark.parametrize(("limit", "jobs"), [("max", 8), (str(600 << 20), 2)])
def test_a_control_group_s_limit_counts(
    limit: str, jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(str(64 << 20))
    monkeypatch.setattr(schedule, "_CGROUP", tmp_path)
    monkeypatch.setattr(schedule, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    assert schedule.default_jobs([task("/none")] * 100, tmp_path) == jobs


def test_the_disk_has_room_for_a_copy_of_the_largest_for_each_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    large = task(file(tmp_path / "large", 1 << 20))
    usage = schedule.shutil.disk_usage(tmp_path)._replace(free=7 << 19)
    monkeypatch.setattr(schedule.shutil, "disk_usage", lambda _path: usage)
    assert schedule.default_jobs([large] * 100, tmp_path) == 3


def test_what_a_worker_that_was_lost_leaves_is_a_record() -> None:
    record = schedule.lost(task("/x"), RuntimeError("gone"))
    assert (record.state, record.exit_status) == ("failed", 4)
    assert "RuntimeError: gone" in record.message
