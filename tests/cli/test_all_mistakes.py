"""All that is wrong in a file is told at once, to people and to programs."""

import json
from pathlib import Path

from support.cli import imgtool

POLICY = """\
extends: strct
checks:
  machine-it: error
  machine-id: fatal
  serial-console: {severity: error, sevrity: off}
"""
PLACES = (3, 4, 5)
"""Lines with mistakes; whether there is such a profile is asked when the rest is right."""


def test_each_is_an_error_with_its_hint(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    failed = imgtool("explain", "--policy", "policy.yaml", cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    errors = [line for line in failed.stderr.splitlines() if line.startswith("imgtool: error:")]
    assert [line.split(":")[3] for line in errors] == [str(line) for line in PLACES]
    assert "did you mean machine-id?" in failed.stderr
    assert "did you mean severity?" in failed.stderr


def test_json_has_the_first_and_the_others(tmp_path: Path) -> None:
    (tmp_path / "images.yaml").write_text(
        "images: [{source: a, nmae: b}, {source: c, min-disk: x}]\nimgs: 1\n"
    )
    failed = imgtool("batch", "images.yaml", "--dry-run", "--output", "json", cwd=tmp_path)
    assert failed.returncode == 2
    error = json.loads(failed.stdout)["error"]
    told = [error["message"], *(one["message"] for one in error["others"])]
    assert len(told) == 3
    assert all("images.yaml:" in one for one in told)
    assert {one["code"] for one in error["others"]} == {"usage"}
