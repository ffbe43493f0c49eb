"""Each command on small real files: results, refusals, exit statuses."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import create_unsafe

from imgtool.checks.registry import all_checks

READING = ("inspect", "check")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw disk with an empty ext4 file system: data, no system."""
    path = tmp_path / "data.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path, "16M"], check=True)
    return path


@pytest.fixture
def backing(tmp_path: Path) -> Path:
    path = tmp_path / "backing.qcow2"
    create_unsafe(path)
    return path


@pytest.fixture
def mislabelled(tmp_path: Path, raw: Path) -> Path:
    path = tmp_path / "really-a-qcow2.raw"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path


def commands(path: Path) -> list[list[str | Path]]:
    return [
        ["inspect", path],
        ["convert", path, path.parent / "out.qcow2"],
        ["upload", path, "--cloud", "none-such"],
        ["prepare", path, "--cloud", "none-such", "--dry-run"],
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_backing_file_is_refused_by_every_command(number: int, backing: Path) -> None:
    run = imgtool(*commands(backing)[number])
    assert_clean_failure(run, 3, "backing")
    hostname = Path("/etc/hostname").read_text().strip()
    assert hostname not in run.stderr.replace(str(backing.parent), "")
    assert not (backing.parent / "out.qcow2").exists()


@pytest.mark.parametrize("number", range(4))
def test_a_raw_that_is_a_qcow2_is_refused_by_every_command(number: int, mislabelled: Path) -> None:
    assert_clean_failure(imgtool(*commands(mislabelled)[number]), 3, "raw", "qcow2")
    assert not (mislabelled.parent / "out.qcow2").exists()


def test_check_reports_a_refused_image_and_ends_with_3(backing: Path, mislabelled: Path) -> None:
    run = imgtool("check", backing, mislabelled, "--output", "json")
    assert run.returncode == 3
    findings = [result["findings"] for result in json.loads(run.stdout)["results"]]
    assert [[one["check"], one["outcome"]] for (one,) in findings] == [
        ["image-safe", "fail"],
        ["image-format", "fail"],
    ]


def missing(folder: Path) -> Path:
    return folder / "missing.raw"


def directory(folder: Path) -> Path:
    return folder


def empty(folder: Path) -> Path:
    path = folder / "empty.raw"
    path.touch()
    return path


def text_file(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("These are notes, and no disk at all.\n" * 100)
    return path


def fifo(folder: Path) -> Path:
    path = folder / "pipe.raw"
    os.mkfifo(path)
    return path


def device(_: Path) -> Path:
    return Path("/dev/zero")


@pytest.mark.parametrize("make", [missing, directory, empty, text_file, fifo, device])
@pytest.mark.parametrize("number", range(4))
def test_what_is_no_disk_image_is_refused_with_a_hint(number: int, make, tmp_path: Path) -> None:
    run = imgtool(*commands(make(tmp_path))[number])
    assert_clean_failure(run, 3, str(make(Path("/"))).rpartition("/")[2] if make is missing else "")
    assert "imgtool: hint: " in run.stderr


def test_a_data_disk_is_inspected_and_fails_the_checks(raw: Path) -> None:
    shown = imgtool("inspect", raw)
    assert shown.returncode == 0
    assert "ext4" in shown.stdout
    assert "only data is on it" in shown.stdout
    judged = imgtool("check", raw)
    assert judged.returncode == 1
    assert "--policy data" in judged.stdout
    assert imgtool("check", raw, "--policy", "data").returncode == 0


def test_reports_are_written_and_replaced(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("old")
    run = imgtool(
        "check", raw, "--report", f"json={tmp_path}/report.json", "--report", f"text={tmp_path}/r.txt"
    )
    assert run.returncode == 1
    assert json.loads((tmp_path / "report.json").read_text())["results"][0]["outcome"] == "fail"
    report = (tmp_path / "r.txt").read_text()
    assert "system-found" in report
    assert re.search(r"^  pass +image-safe", report, re.MULTILINE)
    assert "image-safe" not in run.stdout


def test_a_report_that_cannot_be_written_is_refused_at_once(raw: Path, tmp_path: Path) -> None:
    assert_clean_failure(imgtool("check", raw, "--report", f"json={tmp_path}/no/r.json"), 2, "does not exist")
    assert_clean_failure(imgtool("check", raw, "--report", "nonsense=x"), 2, "FORMAT=PATH")


@pytest.mark.parametrize(
    "options", [["-c"], ["--compress"], ["-c", "zlib"], ["-c", "zstd"], ["-p"], ["-p", "-c"]]
)
def test_options_may_stand_alone_before_the_source(options: list[str], raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.qcow2"
    run = imgtool("convert", *options, raw, target)
    assert run.returncode == 0, run.stderr
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, target], check=True)


def test_a_bar_is_shown_only_when_asked_for(raw: Path, tmp_path: Path) -> None:
    line = re.compile(r"^convert +[0-9]+%", re.MULTILINE)
    assert not line.search(imgtool("convert", raw, tmp_path / "a.qcow2").stderr)
    assert line.search(imgtool("convert", "-p", "always", raw, tmp_path / "b.qcow2").stderr)
    assert not imgtool("convert", "-p", "never", raw, tmp_path / "c.qcow2").stderr


def test_a_dry_run_converts_nothing(raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.qcow2"
    run = imgtool("convert", "--dry-run", raw, target, "--output", "json")
    assert json.loads(run.stdout)["engine"] == "native"
    assert not target.exists()


@pytest.mark.parametrize("wrapper", [["gzip", "-k"], ["xz", "-k"], ["zstd", "-q"], ["bzip2", "-k"]])
def test_a_compressed_source_is_unpacked_by_content(wrapper: list[str], raw: Path, tmp_path: Path) -> None:
    subprocess.run([*wrapper, raw], check=True)
    (packed,) = (path for path in tmp_path.iterdir() if path != raw)
    unnamed = packed.rename(tmp_path / "packed")
    assert json.loads(imgtool("inspect", unnamed, "--output", "json").stdout)["image"]["wrapper"] is not None
    run = imgtool("convert", unnamed, tmp_path / "target.qcow2")
    assert run.returncode == 0, run.stderr
    compare = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, tmp_path / "target.qcow2"]
    subprocess.run(compare, check=True)


def test_a_missing_qemu_img_is_named_with_its_package(raw: Path, tmp_path: Path) -> None:
    without = {"PATH": str(tmp_path)}
    run = imgtool("convert", raw, tmp_path / "target.qcow2", env=without)
    assert_clean_failure(run, 4, "qemu-img", "qemu-utils")
    assert not (tmp_path / "target.qcow2").exists()
    doctor = imgtool("doctor", env=without)
    assert doctor.returncode == 4
    assert "qemu-utils" in doctor.stdout


def test_doctor_names_what_is_there() -> None:
    run = imgtool("doctor", "--output", "json")
    assert run.returncode == 0
    names = {item["name"]: item["state"] for item in json.loads(run.stdout)["items"]}
    assert names["qemu-img"] == "ok"
    assert names["libmagic"] == "ok"


def test_explain_lists_and_explains_every_check() -> None:
    listed = imgtool("explain").stdout
    assert all(check.name in listed for check in all_checks())
    explained = imgtool("explain", "virtio-initramfs").stdout
    assert "Why it matters" in explained
    everything = json.loads(imgtool("explain", "--output", "json").stdout)["checks"]
    assert {one["check"] for one in everything} == {check.name for check in all_checks()}


def test_explain_suggests_a_name() -> None:
    assert_clean_failure(imgtool("explain", "virtio-initram"), 2, "virtio-initramfs")


def test_an_error_under_json_is_json(tmp_path: Path) -> None:
    run = imgtool("inspect", tmp_path / "missing.raw", "--output", "json")
    assert run.returncode == 3
    assert not run.stderr
    assert set(json.loads(run.stdout)["error"]) == {"code", "message", "hint"}


def test_a_disk_from_stdin_is_inspected_and_needs_a_name_for_the_cloud(raw: Path) -> None:
    argv = [IMGTOOL, "inspect", "-"]
    shown = subprocess.run(argv, input=raw.read_bytes(), capture_output=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(b"-\n")
    nameless = imgtool("prepare", "-", "--dry-run", stdin="")
    assert_clean_failure(nameless, 2, "--name")


def test_the_targets_ending_decides_and_what_is_made_is_read_again(raw: Path, tmp_path: Path) -> None:
    assert imgtool("convert", raw, tmp_path / "x.raw").returncode == 0
    assert imgtool("convert", tmp_path / "x.raw", tmp_path / "y.img").returncode == 0
    assert "qcow2, version 3" in imgtool("inspect", tmp_path / "y.img").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "SOURCE", "x.raw", "-O", "qcow2"],
        ["convert", "SOURCE", "x.vmdk"],
        ["convert", "SOURCE", "x.qcow2", "-O", "raw", "--force"],
        ["prepare", "SOURCE", "--keep", "x.raw", "-O", "qcow2", "--dry-run"],
    ],
)
def test_a_target_whose_name_would_be_a_lie_is_a_usage_error(words: list[str], raw: Path) -> None:
    run = imgtool(*(str(raw) if word == "SOURCE" else word for word in words), cwd=raw.parent)
    assert_clean_failure(run, 2, "its name claims that it is")
    assert not (raw.parent / words[2]).exists()
