"""`check --baseline` and `--write-baseline` on real disks."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.cli import assert_clean_failure, imgtool
from support.fixtures import fixture_path

CHECKS = ["--select", "virtio-windows,image-safe"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With `bad.raw`, which fails by virtio-windows, and a baseline that knows that."""
    shutil.copy(fixture_path("windows-no-netkvm"), tmp_path / "bad.raw")
    assert imgtool("check", "bad.raw", *CHECKS, cwd=tmp_path).returncode == 1
    assert imgtool("check", "bad.raw", *CHECKS, "--write-baseline", "b.json", cwd=tmp_path).returncode == 0
    return tmp_path


def test_what_is_known_does_not_fail_and_what_is_new_does(folder: Path) -> None:
    (entry,) = json.loads((folder / "b.json").read_text())["findings"]
    assert (entry["image"], entry["check"]) == ("bad.raw", "virtio-windows")
    run = imgtool("check", "bad.raw", *CHECKS, "--baseline", "b.json", cwd=folder)
    assert run.returncode == 0
    assert "  known    virtio-windows" in run.stdout
    assert "1 known" in run.stdout.splitlines()[-1]
    entry["fingerprint"] = "0" * 32
    (folder / "b.json").write_text(json.dumps({"schema_version": 1, "findings": [entry]}))
    run = imgtool("check", "bad.raw", *CHECKS, "--baseline", "b.json", cwd=folder)
    assert run.returncode == 1
    assert "1 known finding is gone" in run.stderr


def test_it_holds_from_any_folder_and_after_a_move(folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    (moved / "below").mkdir()
    command = ["check", "../bad.raw", *CHECKS, "--baseline", "../b.json"]
    assert imgtool(*command, cwd=moved / "below").returncode == 0


def test_every_report_says_that_it_is_known(folder: Path) -> None:
    forms = ("json", "junit", "sarif", "github", "gitlab", "markdown", "html", "text")
    reports = [part for form in forms for part in ("--report", f"{form}={form}")]
    imgtool("check", "bad.raw", *CHECKS, "--baseline", "b.json", *reports, cwd=folder)
    text = {form: (folder / form).read_text() for form in forms}
    found = {one["check"]: one for one in json.loads(text["json"])["results"][0]["findings"]}
    assert [found["virtio-windows"]["known"], found["image-safe"]["known"]] == [True, False]
    (result,) = json.loads(text["sarif"])["runs"][0]["results"]
    assert (result["level"], result["suppressions"][0]["kind"]) == ("note", "external")
    skipped = ET.fromstring(text["junit"]).findtext(".//skipped")  # noqa: S314 - our own
    assert str(skipped).startswith("known: ")
    assert json.loads(text["gitlab"]) == []
    assert text["github"].startswith("::notice ")
    assert all("1 known" in text[form] for form in ("markdown", "text", "github", "html"))


def test_writing_keeps_what_is_known_of_other_images(folder: Path) -> None:
    shutil.copy(folder / "bad.raw", folder / "other.raw")
    imgtool("check", "other.raw", *CHECKS, "--write-baseline", "b.json", cwd=folder)
    found = json.loads((folder / "b.json").read_text())["findings"]
    assert [one["image"] for one in found] == ["bad.raw", "other.raw"]
    imgtool("check", "bad.raw", "--select", "image-safe", "--write-baseline", "b.json", cwd=folder)
    found = json.loads((folder / "b.json").read_text())["findings"]
    assert [one["image"] for one in found] == ["other.raw"]


def test_a_refused_image_is_never_known(folder: Path) -> None:
    (folder / "empty.raw").touch()
    run = imgtool("check", "empty.raw", "--write-baseline", "b.json", cwd=folder)
    assert run.returncode == 3
    assert "empty.raw" not in (folder / "b.json").read_text()


def test_mistakes_are_told_before_any_image_is_read(folder: Path) -> None:
    (folder / "notes").write_text("mine")
    wrong = {
        ("--baseline", "none.json"): "--write-baseline",
        ("--baseline", "notes"): "not a baseline",
        ("--write-baseline", "notes"): "not a baseline",
        ("--write-baseline", "no/b.json"): "does not exist",
        ("--baseline", "b.json", "--write-baseline", "b.json"): "exclude each other",
    }
    for options, words in wrong.items():
        assert_clean_failure(imgtool("check", "bad.raw", *options, cwd=folder), 2, words)
    assert (folder / "notes").read_text() == "mine"
