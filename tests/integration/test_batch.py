"""Whole batches, as an operator runs them: real images, a real cloud, and what goes wrong."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.cli import IMGTOOL, imgtool
from support.cloud import Devcloud
from support.fixtures import fixture_path
from support.glance_client import images_named
from support.images import create, patch, qemu_img, qemu_io
from support.made_filesystems import MIB as _PATH  # noqa: F401 - the recipe of the fixtures is found by it
from support.processes import half_written, processes_in

from imgtool.convert.digest import hash_of_file
from imgtool.model.source import SHA256_CHUNKS

from binaries import filler  # isort: skip

MINUTES = 60.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the batch is; temporary files of everybody go into a folder of its own."""
    (tmp_path / "src").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def disk(path: Path, pattern: int = 7) -> Path:
    create(path, "raw" if path.suffix == ".raw" else "qcow2", "24M")
    qemu_io(path, [f"write -P {pattern} 1M 3M"], "raw" if path.suffix == ".raw" else "qcow2")
    return path


def manifest(place: Path, text: str) -> Path:
    path = place / "m.yaml"
    path.write_text(text)
    return path


def run(path: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    done = imgtool("batch", path, "--output", "json", *options)
    assert "Traceback" not in done.stderr
    return done


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """By name."""
    return {one["name"]: one["state"] for one in told(done)}


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["images"]
    return found


def assert_tidy(place: Path) -> None:
    """No temporary file, no half image, no folder of the batch."""
    assert list((place / "tmp").iterdir()) == []
    left = [path.name for path in place.rglob("*") if path.name.startswith(".") or ".work" in path.name]
    assert left == []
    assert not (place / "m.yaml.journal-journal").exists()


CONVERT = "defaults: {output: 'out/{stem}.qcow2'}\nimages: [src/*]\n"


def test_each_image_ends_or_is_explained_and_the_second_run_has_nothing_to_do(place: Path) -> None:
    good = [disk(place / "src" / f"good-{number}.raw", number + 1) for number in range(3)]
    (place / "src" / "text.raw").write_text("no disk\n" * 100)
    (place / "src" / "sparse.raw").touch()
    os.truncate(place / "src" / "sparse.raw", 20 << 30)
    path = manifest(place, CONVERT)
    first = run(path)
    assert first.returncode == 7, first.stderr
    assert Counter(states(first).values()) == {"done": 4, "refused": 1}
    for source in good:
        target = place / "out" / f"{source.stem}.qcow2"
        assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", source, target)
    assert_tidy(place)
    before = {one: one.stat().st_mtime_ns for one in (place / "out").iterdir()}
    second = run(path)
    assert Counter(states(second).values()) == {"skipped": 4, "refused": 1}
    assert {one: one.stat().st_mtime_ns for one in (place / "out").iterdir()} == before


def test_what_changed_or_is_gone_is_made_anew_and_nothing_else(place: Path) -> None:
    for name in ("same", "touched", "changed", "lost"):
        disk(place / "src" / f"{name}.raw")
    path = manifest(place, CONVERT)
    assert run(path).returncode == 0
    os.utime(place / "src" / "touched.raw")
    qemu_io(place / "src" / "changed.raw", ["write -P 9 5M 1M"], "raw")
    (place / "out" / "lost.qcow2").unlink()
    found = run(path)
    assert states(found) == {"same": "skipped", "touched": "skipped", "changed": "done", "lost": "done"}
    changed = place / "src" / "changed.raw", place / "out" / "changed.qcow2"
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", *changed)


@pytest.mark.parametrize("later", ["sha256", "sha256-chunks", "none"])
def test_a_source_is_known_by_the_hash_of_the_run_that_made_its_image(later: str, place: Path) -> None:
    """Also a sparse disk of many times the size of its data, which has no SHA-256 for its conversion."""
    for name in ("same", "touched", "changed"):
        os.truncate(disk(place / "src" / f"{name}.raw"), 20 << 30)
    path = manifest(place, CONVERT)
    for one in told(run(path, "--source-hash", "sha256-chunks")):
        source = place / "src" / f"{one['name']}.raw"
        assert one["source_sha256_chunks"] == hash_of_file(source, SHA256_CHUNKS)
        assert one["source_sha256"] is None
    os.utime(place / "src" / "touched.raw")
    qemu_io(place / "src" / "changed.raw", ["write -P 9 5M 1M"], "raw")
    found = run(path, "--source-hash", later)
    assert states(found) == {"same": "skipped", "touched": "skipped", "changed": "done"}


def test_without_a_noted_hash_what_was_touched_is_made_anew(place: Path) -> None:
    for name in ("same", "touched"):
        disk(place / "src" / f"{name}.raw")
    path = manifest(place, CONVERT.replace("{output", "{source-hash: none, output"))
    noted = [(one["source_sha256"], one["source_sha256_chunks"]) for one in told(run(path))]
    assert noted == [(None, None)] * 2
    os.utime(place / "src" / "touched.raw")
    assert states(run(path)) == {"same": "skipped", "touched": "done"}


def test_other_settings_replace_what_the_batch_made_and_never_what_it_did_not(place: Path) -> None:
    disk(place / "src" / "a.raw")
    assert run(manifest(place, CONVERT)).returncode == 0
    zstd = CONVERT.replace("{output", "{compression: zstd, output")
    assert states(run(manifest(place, zstd))) == {"a": "done"}
    made = json.loads(qemu_img("info", "--output=json", place / "out" / "a.qcow2"))
    assert made["format-specific"]["data"]["compression-type"] == "zstd"
    foreign = place / "out" / "a.qcow2"
    foreign.unlink()
    foreign.write_text("somebody's")
    found = run(manifest(place, CONVERT))
    (one,) = told(found)
    assert one["state"] == "failed"
    assert "already exists" in one["error"]["message"]
    assert foreign.read_text() == "somebody's"
    assert_tidy(place)


def test_a_deadline_ends_one_image_and_not_the_others(place: Path) -> None:
    disk(place / "src" / "b.raw")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.raw"
        text = (
            "defaults: {output: 'out/{stem}.qcow2', retries: 0}\n"
            f"images: [{{source: '{url}', sha256: {'0' * 64}, deadline: 1s}}, src/b.raw]\n"
        )
        found = run(manifest(place, text))
    assert states(found) == {"a": "failed", "b": "done"}
    assert "did not end within its 1 seconds" in told(found)[0]["error"]["message"]
    assert_tidy(place)


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [IMGTOOL, "batch", path, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + MINUTES
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def large_disks(place: Path, count: int) -> None:
    for number in range(count):
        path = place / "src" / f"large-{number}.raw"
        path.write_bytes(os.urandom(64 << 20))


def half_made(place: Path) -> bool:
    return half_written(place / "out")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_cleans_up_and_the_next_run_goes_on(number: int, place: Path) -> None:
    large_disks(place, 4)
    path = manifest(place, CONVERT.replace("{output", "{compression: zlib, output"))
    with start(path, "--jobs", "2") as batch:
        wait_for(lambda: half_made(place))
        batch.send_signal(number)
        _, log = batch.communicate(timeout=MINUTES)
    assert batch.returncode == 130, log
    assert "Traceback" not in log
    assert_tidy(place)
    assert processes_in(place) == []
    assert run(path).returncode == 0
    assert len(list((place / "out").iterdir())) == 4


def test_killed_at_any_moment_it_goes_on_where_it_was(place: Path) -> None:
    large_disks(place, 4)
    path = manifest(place, CONVERT.replace("{output", "{compression: zlib, output"))
    for made in range(3):
        with start(path, "--jobs", "2", "-p", "never") as batch:
            # Called in the same round.
            wait_for(lambda: half_made(place) and len(list((place / "out").glob("*.qcow2"))) >= made)  # noqa: B023
            batch.kill()
        wait_for(lambda: processes_in(place) == [])
    assert run(path).returncode == 0
    assert_tidy(place)
    for number in range(4):
        pair = place / "src" / f"large-{number}.raw", place / "out" / f"large-{number}.qcow2"
        assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", *pair)


def test_uploads_arrive_exactly_once(devcloud: Devcloud, place: Path) -> None:
    tag = f"batch {os.getpid()} {place.parent.name}"
    for name in ("ext4-gpt", "xfs-gpt"):
        shutil.copy(fixture_path(name), place / "src" / f"{name}.raw")
    (place / "src" / "text.raw").write_text("no disk\n" * 100)
    text = (
        f"defaults: {{clouds: [devcloud-member], policy: minimal, name: '{tag} {{stem}}'}}\n"
        "images: [src/ext4-gpt.raw, {source: src/xfs-gpt.raw, output: out/kept.qcow2}, src/text.raw]\n"
    )
    path = manifest(place, text)
    first = run(path)
    assert first.returncode == 7, first.stderr
    assert Counter(states(first).values()) == {"done": 2, "refused": 1}, told(first)
    ids = {name: images_named(f"{tag} {name}")[0] for name in ("ext4-gpt", "xfs-gpt")}
    assert {one["status"] for one in ids.values()} == {"active"}
    kept = hashlib.sha512((place / "out" / "kept.qcow2").read_bytes()).hexdigest()
    assert ids["xfs-gpt"]["os_hash_value"] == kept
    assert Counter(states(run(path)).values()) == {"skipped": 2, "refused": 1}
    (place / "m.yaml.journal").unlink()
    again = run(manifest(place, text.replace("out/kept", "out/second")))
    assert Counter(states(again).values()) == {"done": 2, "refused": 1}
    for name in ids:
        assert [one["id"] for one in images_named(f"{tag} {name}")] == [ids[name]["id"]]
    assert_tidy(place)


LOAD_ERROR = bytes.fromhex("48b80100000000000080c3")
"""mov rax, EFI_LOAD_ERROR; ret: where GRUB's code would begin."""


def test_an_image_that_does_not_come_up_goes_nowhere(devcloud: Devcloud, place: Path) -> None:
    """The fixture passes every other check, and its boot loader gives up at once."""
    name = f"batch boot {os.getpid()} {place.parent.name}"
    image = place / "src" / "a.raw"
    shutil.copy(fixture_path("btrfs-subvolumes"), image)
    for found in re.finditer(re.escape(filler("grub", 64)), image.read_bytes()):
        patch(image, found.start(), LOAD_ERROR)
    path = manifest(place, f"defaults: {{clouds: [devcloud-member], name: '{name}'}}\nimages: [src/a.raw]\n")
    (one,) = told(run(path, "--boot"))
    assert one["state"] == "check-failed", one
    assert one["error"]["message"] == "checks failed: agent-answers, boots-on-virtio-blk, cloud-init-runs"
    assert images_named(name) == []
    assert_tidy(place)
