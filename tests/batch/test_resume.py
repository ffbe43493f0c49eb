import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from imgtool.batch import resume, staging
from imgtool.convert.digest import hash_of_file
from imgtool.model.batch import Task, TaskRecord
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.source import SHA256_CHUNKS, SourceHash

CLOUDS = (CloudName("one"), CloudName("two", "north"))
THERE = {"one": ["id-1"], "two/north": ["id-2", "other"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.raw"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def task(source: Path) -> Task:
    output = source.with_name("a.qcow2")
    output.write_bytes(b"image")
    return Task("k", str(source), "a", GlanceTarget("a"), "hash", output=output, clouds=CLOUDS)


@pytest.fixture
def record(task: Task, source: Path) -> TaskRecord:
    assert task.output is not None
    return TaskRecord(
        "k",
        "done",
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        source_identity=staging.file_identity(source),
        image_ids={"one": "id-1", "two/north": "id-2"},
        output_identity=staging.file_identity(task.output),
    )


def test_what_is_there_in_all_its_places_is_done(task: Task, record: TaskRecord) -> None:
    assert resume.kept(task, record, THERE)
    assert resume.kept(task, replace(record, state="skipped"), THERE)


@pytest.mark.parametrize("state", ["waiting", "running", "failed", "interrupted", "refused", "check-failed"])
def test_what_did_not_go_well_is_not(state: str, task: Task, record: TaskRecord) -> None:
    assert not resume.kept(task, replace(record, state=state), THERE)  # type: ignore[arg-type]  # as much as is asked of it


@pytest.mark.parametrize("there", [{}, {"one": ["id-1"]}, {**THERE, "one": ["other"]}])
def test_one_cloud_without_its_image_is_enough(
    there: dict[str, list[str]], task: Task, record: TaskRecord
) -> None:
    assert not resume.kept(task, record, there)


def test_a_cloud_more_is_not_done(task: Task, record: TaskRecord) -> None:
    more = replace(task, clouds=(*CLOUDS, CloudName("three")))
    assert not resume.kept(more, record, {**THERE, "three": ["x"]})


def test_another_file_as_the_output_is_not_it(task: Task, record: TaskRecord) -> None:
    assert task.output is not None
    task.output.unlink()
    assert not resume.kept(task, record, THERE)
    task.output.write_bytes(b"other")
    assert not resume.kept(task, record, THERE)
    assert not resume.owns(task, record.output_identity)


def test_a_source_that_only_looks_changed_is_read(task: Task, record: TaskRecord, source: Path) -> None:
    os.utime(source, ns=(0, 0))
    assert resume.kept(task, record, THERE)
    source.write_bytes(b"changed")
    assert not resume.kept(task, record, THERE)


def test_what_was_read_is_known_without_reading_the_next_time(
    task: Task, record: TaskRecord, source: Path
) -> None:
    os.utime(source, ns=(0, 0))
    kept = resume.kept(task, record, THERE)
    assert kept is not None
    assert kept.source_identity == staging.file_identity(source)
    assert resume.kept(task, replace(kept, source_sha256=None), THERE) is not None


def test_a_link_as_the_source_is_the_file_that_it_leads_to(
    task: Task, record: TaskRecord, source: Path
) -> None:
    link = source.with_name("latest.raw")
    link.symlink_to(source)
    linked, unhashed = replace(task, source=str(link)), replace(record, source_sha256=None)
    assert resume.kept(linked, unhashed, THERE) == unhashed
    link.unlink()
    link.symlink_to(link)
    assert resume.kept(linked, record, THERE) is None


def of_chunks(path: Path) -> str:
    return hash_of_file(path, SHA256_CHUNKS)


@pytest.mark.parametrize("today", ["sha256", "sha256-chunks", "none"])
@pytest.mark.parametrize("noted", ["sha256", "sha256-chunks", "both"])
def test_a_source_is_known_by_the_hash_that_was_noted_whichever_is_noted_today(
    noted: str, today: SourceHash, task: Task, record: TaskRecord, source: Path
) -> None:
    task = replace(task, source_hash=today)
    if noted != "sha256":
        record = replace(record, source_sha256_chunks=of_chunks(source))
    if noted == "sha256-chunks":
        record = replace(record, source_sha256=None)
    os.utime(source, ns=(0, 0))
    assert resume.kept(task, record, THERE)
    source.write_bytes(b"changed")
    assert not resume.kept(task, record, THERE)


def test_without_a_noted_hash_the_file_s_time_decides(task: Task, record: TaskRecord, source: Path) -> None:
    plain = replace(record, source_sha256=None)
    unhashed = replace(task, source_hash="none")
    assert resume.kept(unhashed, plain, THERE)
    os.utime(source, ns=(0, 0))
    assert not resume.kept(unhashed, plain, THERE)


def test_a_sha256_that_is_wanted_is_not_proven_by_another_hash(
    task: Task, record: TaskRecord, source: Path
) -> None:
    wanted = replace(task, sha256=record.source_sha256, source_hash="sha256-chunks")
    noted = replace(record, source_sha256_chunks=of_chunks(source))
    assert resume.kept(wanted, noted, THERE)
    assert not resume.kept(wanted, replace(noted, source_sha256=None), THERE)


def test_a_source_that_is_gone_or_was_never_hashed_is_done_again(
    task: Task, record: TaskRecord, source: Path
) -> None:
    os.utime(source, ns=(0, 0))
    assert not resume.kept(task, replace(record, source_sha256=None), THERE)
    source.unlink()
    assert not resume.kept(task, record, THERE)


def test_a_url_is_known_by_its_checksum(task: Task, record: TaskRecord) -> None:
    fetched = replace(task, source="https://h/a.raw", sha256="0" * 64)
    assert resume.kept(fetched, replace(record, source_sha256="0" * 64), THERE)
    assert not resume.kept(fetched, replace(record, source_sha256="1" * 64), THERE)
    by_another = replace(fetched, sha256=None, sha512="0" * 128)
    assert resume.kept(by_another, replace(record, source_sha512="0" * 128), THERE)
    assert not resume.kept(by_another, replace(record, source_sha512="1" * 128), THERE)
    assert not resume.kept(by_another, record, THERE)


def test_another_machine_s_number_of_the_disk_is_no_other_file(task: Task, record: TaskRecord) -> None:
    assert record.output_identity is not None
    elsewhere = replace(record.output_identity, device=record.output_identity.device + 1)
    assert resume.owns(task, elsewhere)


def test_what_has_to_be_looked_for(task: Task, record: TaskRecord, tmp_path: Path) -> None:
    failed = replace(task, key="f")
    earlier = {"k": record, "f": replace(record, state="failed", image_ids={"one": "no"})}
    query = resume.query([task, failed], earlier, tmp_path)
    assert query.clouds == CLOUDS
    assert query.image_ids == {"one": ("id-1",), "two/north": ("id-2",)}


@pytest.mark.parametrize("change", ["nothing", "times", "content"])
def test_a_vmdk_of_two_files_is_known_by_its_data(
    change: str, task: Task, record: TaskRecord, tmp_path: Path
) -> None:
    """What is recorded is of NAME-flat.vmdk, which the descriptor, NAME.vmdk, says nothing of."""
    vmdk, data = tmp_path / "x.vmdk", tmp_path / "x-flat.vmdk"
    vmdk.write_text("# Disk DescriptorFile")
    data.write_bytes(b"content")
    done = replace(record, source_identity=staging.file_identity(data))
    if change != "nothing":
        data.write_bytes(b"content" if change == "times" else b"others")
    kept = resume.kept(replace(task, source=str(vmdk)), done, THERE)
    assert (kept is not None) == (change != "content")
