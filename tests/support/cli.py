"""Runs the installed `imgtool` as a user does; each JSON that it prints has to fit its schema."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support import schemas

IMGTOOL = Path(sys.executable).parent / "imgtool"


def imgtool(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [IMGTOOL, *arguments],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if "--output" in arguments and done.stdout.startswith("{"):
        schemas.assert_fits_command(str(arguments[0]), done.stdout)
    return done


def assert_clean_failure(run: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """The right status, a message that says these words, nothing on stdout, no traceback."""
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr
    assert not run.stdout
    first = run.stderr.splitlines()[0]
    assert first.startswith("imgtool: error: ")
    for word in words:
        assert word in run.stderr
