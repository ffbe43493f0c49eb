"""Images by a pipe, as the operator's shell gives them."""

import os
import subprocess
from pathlib import Path

import pytest
from support.cli import IMGTOOL

MIB = 1 << 20


@pytest.mark.parametrize("program", [["gzip", "-1"], ["xz", "-0"], ["bzip2", "-9"], ["zstd", "-q"]])
def test_what_cannot_be_compressed(program: list[str], tmp_path: Path) -> None:
    """Then no more comes out of a piece of the file than goes in: that is no end of it."""
    disk, target = os.urandom(7 * MIB), tmp_path / "out.raw"
    stdin = subprocess.run([*program, "-c"], input=disk, capture_output=True, check=True).stdout
    done = subprocess.run(
        [IMGTOOL, "convert", "-", target, "-O", "raw"], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert target.read_bytes() == disk
