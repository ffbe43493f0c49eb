"""`--policy FILE|PROFILE` on check, prepare and explain, on a small real disk."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import assert_clean_failure, imgtool
from support.fixtures import fixture_path
from support.policies import written

from imgtool.checks.registry import all_checks

BAD = "checks:\n  machine-id: off\n  virtual-size:\n    largest: huge\n"
ONLY_ASKED = """\
extends: minimal
checks:
  image-consistent: off
  virtio-kernel: off
  virtio-initramfs: off
  initramfs-intact: off
  virtio-windows: off
  boot-firmware: off
  uefi-fallback: off
  root-resolves: off
  fstab-stable: off
  virtual-size: {largest: 1T}
"""


@pytest.fixture(scope="module")
def disk() -> Path:
    return fixture_path("ext4-gpt")


def only_asked(folder: Path, more: str = "") -> Path:
    """A policy with no check of minimal but image-safe and image-format, and with what is asked for."""
    names = {check.name for check in all_checks()}
    lines = [line for line in ONLY_ASKED.splitlines() if ": off" not in line or line.strip()[:-5] in names]
    return written(folder, "\n".join(lines) + "\n" + more)


def result(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    run = imgtool("check", *arguments, "--output", "json")
    (one,) = json.loads(run.stdout)["results"]
    return run.returncode, one


def findings(one: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in one["findings"]}


def test_the_default_is_openstack(disk: Path) -> None:
    named, unnamed = result(disk, "--policy", "openstack"), result(disk)
    assert named == unnamed
    assert named[1]["policy"] == "openstack"


def test_a_profile_decides_which_checks_run(disk: Path) -> None:
    _, one = result(disk, "--policy", "minimal")
    assert one["policy"] == "minimal"
    assert "virtio-kernel" in findings(one)
    assert "cloud-init-installed" not in findings(one)


def test_a_file_decides_the_verdict(disk: Path, tmp_path: Path) -> None:
    path = only_asked(tmp_path)
    status, one = result(disk, "--policy", path)
    assert (status, one["policy"]) == (0, str(path))
    assert findings(one)["virtual-size"]["outcome"] == "pass"
    small = only_asked(tmp_path)
    small.write_text(small.read_text().replace("1T", "1M"))
    status, one = result(disk, "--policy", small)
    assert status == 1
    assert findings(one)["virtual-size"]["outcome"] == "fail"


def test_the_guest_is_searched_for_what_the_file_asks(disk: Path, tmp_path: Path) -> None:
    more = (
        "  forbidden-files: {paths: [/etc/os-*, /no/such]}\n"
        "  required-modules: {modules: [no_such_module, virtio_blk]}\n"
    )
    status, one = result(disk, "--policy", only_asked(tmp_path, more))
    assert status == 1
    forbidden = findings(one)["forbidden-files"]
    assert (forbidden["outcome"], forbidden["evidence"]) == ("fail", "/etc/os-release")
    modules = findings(one)["required-modules"]
    assert modules["outcome"] == "fail"
    assert "no_such_module" in modules["message"]
    assert "virtio_blk" not in modules["message"]


def test_a_refused_image_is_refused_under_any_policy(tmp_path: Path) -> None:
    text = tmp_path / "notes.raw"
    text.write_text("no disk\n" * 1000)
    policy = written(tmp_path, "checks: {image-safe: off, image-format: off}\n")
    status, one = result(text, "--policy", policy)
    assert status == 3
    assert (one["outcome"], one["policy"]) == ("fail", str(policy))


@pytest.mark.parametrize("command", [["check", "x.raw"], ["prepare", "x.raw", "--dry-run"], ["explain"]])
def test_a_bad_policy_is_told_before_anything_is_done(command: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    assert_clean_failure(
        imgtool(*command, "--policy", path), 2, f"{path}:4: checks.virtual-size.largest: invalid size 'huge'"
    )
    assert_clean_failure(imgtool(*command, "--policy", "strct"), 2, "did you mean strict?")
    as_json = imgtool(*command, "--policy", path, "--output", "json")
    assert as_json.returncode == 2
    assert json.loads(as_json.stdout)["error"]["code"] == "usage"


def test_a_policy_under_which_no_check_runs_is_an_error(tmp_path: Path, disk: Path) -> None:
    off = "".join(f"  {check.name}: off\n" for check in all_checks())
    path = written(tmp_path, f"checks:\n{off}")
    assert_clean_failure(imgtool("check", disk, "--policy", path), 2, str(path), "no check runs")


def test_prepare_judges_by_the_policy(disk: Path, tmp_path: Path) -> None:
    path = only_asked(tmp_path, "  forbidden-files: {paths: [/no/such]}\n")
    command = ["prepare", disk, "--name", "x", "--dry-run", "--output", "json", "--policy"]
    done = imgtool(*command, path)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["result"]["policy"] == str(path)
    more = "  forbidden-files: {paths: [/etc/os-release]}\n"
    refused = imgtool(*command, only_asked(tmp_path, more))
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["upload"] is None


# ---------------------------------------------------------------- single checks


def test_single_checks_are_selected_and_ignored(disk: Path) -> None:
    _, one = result(disk, "--select", "image-safe,machine-id", "--select", "image-format")
    assert set(findings(one)) == {"image-safe", "machine-id", "image-format"}
    assert one["policy"].startswith("openstack --select image-safe ")
    status, one = result(disk, "--select", "image-safe,machine-id", "--ignore", "machine-id")
    assert status == 0
    assert findings(one)["machine-id"]["outcome"] == "skipped"
    shown = imgtool("check", disk, "--ignore", "machine-id", "-v").stdout
    assert "off by --ignore on the command line" in shown
    assert "(policy openstack --ignore machine-id)" in shown


@pytest.mark.parametrize("command", [["check"], ["prepare", "--dry-run", "--name", "x"]])
def test_a_misspelt_check_is_told_with_another(command: list[str], disk: Path) -> None:
    run = imgtool(*command, disk, "--ignore", "machine-it")
    assert_clean_failure(run, 2, "no check named 'machine-it'", "did you mean machine-id?")
    assert_clean_failure(
        imgtool(*command, disk, "--select", "xyzzy"), 2, "`imgtool explain` lists the checks"
    )
    assert_clean_failure(imgtool(*command, disk, "--select", "virtual-size"), 2, "no check runs")


# ---------------------------------------------------------------- explain


def test_explain_shows_what_is_in_force_and_who_set_it(tmp_path: Path) -> None:
    checks = "  machine-id: off\n  virtual-size:\n    largest: 20G\n    unknown: warning\n"
    path = written(tmp_path, f"extends: strict\nchecks:\n{checks}")
    shown = imgtool("explain", "--policy", path).stdout
    lines = {
        line.split()[0]: line.split() for line in shown.splitlines() if line and not line.startswith(" ")
    }
    assert lines["policy"] == ["policy", str(path)]
    assert lines["machine-id"][1:] == ["off", f"{path}:3"]
    assert lines["ssh-host-keys"][1:] == ["error", "default"]
    assert lines["guest-agent-rpcs"][1:] == ["error", "profile", "strict"]
    assert set(lines) >= {check.name for check in all_checks()}
    assert f"    largest: 20.0 GiB (21474836480 bytes)  {path}:5" in shown
    assert f"    unknown: warning  {path}:6" in shown
    assert "skipped: nothing is asked for" in next(
        one for one in shown.splitlines() if "forbidden-files" in one
    )


def test_explain_as_json_adds_what_is_in_force(tmp_path: Path) -> None:
    path = written(tmp_path, "checks:\n  virtual-size:\n    largest: 20G\n")
    told = json.loads(imgtool("explain", "--policy", path, "--output", "json").stdout)
    assert told["policy"] == str(path)
    checks = {one["check"]: one for one in told["checks"]}
    size = checks["virtual-size"]
    assert size["parameters"] == {"largest": 20 << 30}
    assert size["set_by"] == {"severity": "default", "unknown": "default", "largest": f"{path}:3"}
    assert (size["severity"], size["unknown"]) == ("error", None)
    assert size["explanation"]
    off = json.loads(imgtool("explain", "machine-id", "--policy", "minimal", "--output", "json").stdout)
    assert off["checks"][0]["severity"] == "off"


def test_explain_of_one_check_shows_its_docstring_and_what_is_in_force() -> None:
    shown = imgtool("explain", "machine-id", "--policy", "minimal").stdout
    assert "Why it matters" in shown
    assert "profile minimal" in shown
    assert "policy minimal" not in imgtool("explain", "machine-id").stdout
