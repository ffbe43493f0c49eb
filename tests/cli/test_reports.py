"""`--report FORMAT=PATH` on real files."""

import json
import subprocess
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool

from imgtool.report.registry import REPORTS


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw disk with an empty ext4 file system."""
    path = tmp_path / "data.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path, "16M"], check=True)
    return path


def test_every_form_is_written_in_one_run(raw: Path, tmp_path: Path) -> None:
    wanted = [part for form in REPORTS for part in ("--report", f"{form}={tmp_path / form}")]
    run = imgtool("check", raw, *wanted)
    assert run.returncode == 1
    texts = {form: (tmp_path / form).read_text() for form in REPORTS}
    assert {form for form in REPORTS if raw.name in texts[form]} == set(REPORTS)
    of_the_content = {"cyclonedx", "spdx"}  # they say nothing of where the image was
    assert {form for form in REPORTS if str(raw) in texts[form]} == set(REPORTS) - of_the_content


@pytest.mark.parametrize("form", ["html", "github"])
@pytest.mark.parametrize("command", [["check"], ["prepare", "--dry-run"]], ids=["check", "prepare"])
def test_a_refused_image_is_reported_too(command: list[str], form: str, tmp_path: Path) -> None:
    path, report = tmp_path / "empty.raw", tmp_path / "report"
    path.touch()
    assert imgtool(*command, path, "--report", f"{form}={report}").returncode == 3
    assert "it is empty" in report.read_text()


def test_annotations_on_stdout_leave_the_text_to_stderr(raw: Path) -> None:
    run = imgtool("check", raw, "--report", "github=-")
    lines = run.stdout.splitlines()
    assert lines[0].startswith(f"::error file={raw},title=imgtool::FAIL")
    assert all(line.startswith("::") for line in lines)
    assert run.stderr.startswith(f"FAIL  {raw}: ")
    assert not Path("-").exists()


@pytest.mark.parametrize("place", ["-", "/dev/stdout"])
@pytest.mark.parametrize(
    "command", [["check"], ["prepare", "--dry-run", "--name", "x"]], ids=lambda one: one[0]
)
def test_a_report_on_stdout_is_alone(command: list[str], place: str, raw: Path) -> None:
    run = imgtool(*command, raw, "--report", f"json={place}", "--report", "html=page", cwd=raw.parent)
    assert json.loads(run.stdout)["results"][0]["outcome"] == "fail"
    assert run.returncode == 1
    assert "FAIL" not in run.stderr
    assert (raw.parent / "page").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--report", "json=-", "--report", "text=-"], "json and text would both be written to stdout"),
        (["--report", "json=-", "--report", "text=/dev/fd/1"], "json and text would both be"),
        (["--report", "json=a", "--report", "text=../folder/a"], "json and text would both be written to"),
    ],
)
@pytest.mark.parametrize("command", ["check", "prepare", "batch"])
def test_two_reports_in_one_place_are_refused(
    command: str, options: list[str], words: str, raw: Path
) -> None:
    (folder := raw.parent / "folder").mkdir()
    assert_clean_failure(imgtool(command, raw, *options, cwd=folder), 2, words, "a file of its own")


def test_the_result_as_json_and_a_report_cannot_share_stdout(raw: Path) -> None:
    run = imgtool("check", raw, "--output", "json", "--report", "sarif=-")
    assert run.returncode == 2
    assert "--report sarif=-" in json.loads(run.stdout)["error"]["message"]


def test_a_refused_image_leaves_stdout_to_the_report(tmp_path: Path) -> None:
    (tmp_path / "empty.raw").touch()
    run = imgtool("prepare", tmp_path / "empty.raw", "--dry-run", "--report", "json=-")
    assert run.returncode == 3
    assert json.loads(run.stdout)["results"][0]["outcome"] == "fail"
    assert run.stderr.startswith("imgtool: error: ")


def test_the_page_shows_where_the_image_keeps_data(raw: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    imgtool("check", raw, "--report", f"html={report}")
    text = report.read_text()
    assert "Disk: 16.0 MiB, no partition table" in text
    assert "Data kept in the image file" in text
    assert 'class="data" fill-opacity="' in text
    assert "(zeros that were written as data too)" in text
    assert "no data, reads as zeros (holes, unallocated and zero clusters): 1" in text


def test_the_partitions_are_a_part_of_the_inspection(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    table = "label: gpt\nstart=2048, size=8192, type=uefi, name=esp\nstart=10240, size=65536, type=linux\n"
    subprocess.run(["sfdisk", "-q", path], input=table, text=True, check=True)
    guest = json.loads(imgtool("inspect", path, "--output", "json").stdout)["guest"]
    assert guest["partition_table"] == "gpt"
    esp, linux = guest["partitions"]
    assert (esp["label"], esp["start_bytes"], esp["size_bytes"]) == ("esp", 1 << 20, 4 << 20)
    assert (linux["number"], linux["label"]) == (2, None)


def test_a_form_that_there_is_not_is_named(raw: Path) -> None:
    assert_clean_failure(imgtool("check", raw, "--report", "pdf=x"), 2, "junit", "sarif", "github", "html")


def test_a_variable_that_is_not_set_is_named_as_the_cause(raw: Path) -> None:
    assert_clean_failure(imgtool("check", raw, "--report", "markdown="), 2, "is the variable set")


def test_the_summary_of_a_github_step_is_added_to(raw: Path, tmp_path: Path) -> None:
    summary, page = tmp_path / "summary", tmp_path / "page.md"
    for path in (summary, page):
        path.write_text("### Before\n")
    wanted = ["--report", f"markdown={summary}", "--report", f"markdown={page}"]
    for _ in range(2):
        imgtool("check", raw, *wanted, env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text().startswith("### Before\n### FAIL: ")
    assert summary.read_text().count("### FAIL") == 2
    assert page.read_text().startswith("### FAIL")
    assert page.read_text().count("### FAIL") == 1


def test_what_a_ci_system_reads_names_the_image_within_the_checkout(raw: Path) -> None:
    (raw.parent / ".git").mkdir()
    run = imgtool("check", raw, "--report", "sarif=s", "--report", "gitlab=g", "--report", "github=a",
                  "--report", "junit=j", cwd=raw.parent)  # fmt: skip
    assert str(raw) in run.stdout
    (log,) = json.loads((raw.parent / "s").read_text())["runs"]
    assert [one["location"]["uri"] for one in log["artifacts"]] == ["data.raw"]
    assert log["artifacts"][0]["length"] == 16 << 20
    assert {one["location"]["path"] for one in json.loads((raw.parent / "g").read_text())} == {"data.raw"}
    assert (raw.parent / "a").read_text().startswith("::error file=data.raw,title=")
    assert str(raw) in (raw.parent / "j").read_text()
