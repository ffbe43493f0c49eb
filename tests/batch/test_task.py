"""What a child does with a task, without the child."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cloud import Devcloud
from support.fixtures import fixture_path
from support.glance_client import images_named
from support.hostile import ROWS
from support.images import create, qemu_img, qemu_io

from imgtool.batch.task import perform
from imgtool.batch.task_context import TaskContext
from imgtool.convert.digest import hash_of_file
from imgtool.errors import UnsafeImageError, UsageError
from imgtool.model.batch import Task, TaskOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.source import SHA256_CHUNKS
from imgtool.report import as_json
from imgtool.util.progress import NullProgress

NOBODY = NullProgress()


def tell(story: Any) -> Mapping[str, Any]:
    told: Mapping[str, Any] = as_json.prepared(story)
    json.dumps(told)
    return told


@pytest.fixture
def context(tmp_path: Path) -> TaskContext:
    """To convert a disk into a file."""
    source = create(tmp_path / "a.raw", "raw", "8M")
    qemu_io(source, ["write -P 5 1M 1M"], "raw")
    for name in ("out", "own", "own/tmp", "uploads"):
        (tmp_path / name).mkdir()
    task = Task("k", str(source), "a", GlanceTarget("a"), "hash", output=tmp_path / "out" / "a.qcow2")
    return TaskContext(task, tmp_path / "own", tmp_path / "uploads")


def with_task(context: TaskContext, **changed: Any) -> TaskContext:
    return replace(context, task=replace(context.task, **changed))


def test_a_conversion_is_in_its_place_and_told(context: TaskContext) -> None:
    record = perform(context, tell, NOBODY)
    assert (record.state, record.exit_status, record.size_before_bytes) == ("done", 0, 8 << 20)
    output = context.task.output
    assert output is not None
    assert record.size_after_bytes == output.stat().st_size
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", context.task.source, output)
    assert record.report is not None
    assert record.report["conversion"]["target_format"] == "qcow2"


def test_what_stands_at_the_output_is_not_touched_and_the_source_not_read(context: TaskContext) -> None:
    output = context.task.output
    assert output is not None
    output.write_text("somebody's")
    with pytest.raises(UsageError, match="already exists"):
        perform(with_task(context, source="/nowhere"), tell, NOBODY)
    assert output.read_text() == "somebody's"
    assert perform(replace(context, replace_output=True), tell, NOBODY).state == "done"


def test_the_gate_s_refusal_makes_nothing(context: TaskContext, tmp_path: Path) -> None:
    hostile = ROWS["backing_file"][0](tmp_path, tmp_path / "canary")
    with pytest.raises(UnsafeImageError):
        perform(with_task(context, source=str(hostile)), tell, NOBODY)
    assert list((tmp_path / "out").iterdir()) == []


def uploaded(context: TaskContext, fixture: str, name: str, **changed: Any) -> TaskContext:
    clouds = (CloudName("devcloud-member"),)
    wanted = GlanceTarget(name)
    source = str(fixture_path(fixture))
    return with_task(context, source=source, name=name, wanted=wanted, clouds=clouds, **changed)


def test_an_upload_is_told_with_its_id_and_the_source_s_hash(
    context: TaskContext, devcloud: Devcloud, tmp_path: Path
) -> None:
    name = f"work {tmp_path}"
    record = perform(uploaded(context, "ext4-gpt", name, output=None), tell, NOBODY)
    (image,) = images_named(name)
    assert record.image_ids == {"devcloud-member": image["id"]}
    assert (record.state, record.size_after_bytes) == ("done", image["size"])
    assert record.source_sha256 == image["imgtool_source_sha256"]
    assert record.source_sha256_chunks is None
    assert "imgtool_source_sha256_chunks" not in image


@pytest.mark.parametrize("source_hash", ["sha256-chunks", "none"])
def test_the_hash_that_is_chosen_is_noted_alone(
    source_hash: str, context: TaskContext, devcloud: Devcloud, tmp_path: Path
) -> None:
    name = f"work {source_hash} {tmp_path}"
    given = uploaded(context, "ext4-gpt", name, output=None, source_hash=source_hash)
    record = perform(given, tell, NOBODY)
    (image,) = images_named(name)
    noted = hash_of_file(fixture_path("ext4-gpt"), SHA256_CHUNKS) if source_hash == "sha256-chunks" else None
    assert (record.source_sha256, record.source_sha256_chunks) == (None, noted)
    assert "imgtool_source_sha256" not in image
    assert image.get("imgtool_source_sha256_chunks") == noted
    assert image["imgtool_version"]


def test_an_image_that_fails_its_checks_goes_nowhere(
    context: TaskContext, devcloud: Devcloud, tmp_path: Path
) -> None:
    name = f"work failing {tmp_path}"
    record = perform(uploaded(context, "windows-no-netkvm", name), tell, NOBODY)
    assert (record.state, record.exit_status) == ("check-failed", 1)
    assert record.message == "checks failed: virtio-windows"
    assert record.hint
    assert images_named(name) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        ".imgtool-batch-k"
    ]  # the parent removes it
    assert list((tmp_path / "out" / ".imgtool-batch-k").iterdir()) == []


def test_the_checks_that_the_command_line_chose_judge_it(
    context: TaskContext, devcloud: Devcloud, tmp_path: Path
) -> None:
    choice = CheckChoice(("virtio-windows", "image-safe"), ("image-safe",))
    name = f"work chosen {tmp_path}"
    given = uploaded(context, "windows-no-netkvm", name, options=TaskOptions(choice=choice))
    record = perform(given, tell, NOBODY)
    assert (record.state, record.message) == ("check-failed", "checks failed: virtio-windows")
    assert record.report is not None
    found = {one["check"]: one["outcome"] for one in record.report["result"]["findings"]}
    assert found == {"virtio-windows": "fail", "image-safe": "skipped"}
