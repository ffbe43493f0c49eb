"""One timed run."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.model import Sample

TIMER = Path(__file__).with_name("timer.py")
MAX_MESSAGE = 300
"""Characters of a program's last words."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended."""

    sample: Sample
    status: int
    too_slow: bool
    message: str
    """The last line that the program wrote to stderr."""
    written_bytes: int = 0
    """To files on a disk, in whole pages, by the program and the children that it reaped (getrusage(2)):
    each page that was made dirty, also of a file that was gone before it was written back. Not to a tmpfs."""

    @property
    def failure(self) -> str:
        """Empty where it went well, or was only too slow."""
        if self.too_slow or self.status == 0:
            return ""
        return f"status {self.status}: {self.message}"


def run(
    command: Sequence[str | Path],
    target: Path | None,
    limit_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Run `command`, sync `target`, and look at what it left there. Leaves no process behind.

    `environment` is for one that is not our own.
    Raises RuntimeError where the command cannot be started.
    """
    argv = [sys.executable, "-I", "-S", str(TIMER), str(limit_seconds), str(target or ""), *map(str, command)]
    with tempfile.TemporaryFile() as errors:
        output = _run_timer(argv, errors.fileno(), os.environ if environment is None else environment)
        errors.seek(0)
        message = last_line(errors.read())
    if not output:
        raise RuntimeError(f"{command[0]} was not started: {message}")
    figures = json.loads(output)
    status, too_slow, written = (figures.pop(key) for key in ("status", "too_slow", "written_bytes"))
    return Run(Sample(**figures, **_sizes(target)), status, too_slow, message, written)


def _run_timer(argv: list[str], errors: int, environment: Mapping[str, str]) -> str:
    """A session of its own, so that ^C reaches us first; the timer ends its child when it is told to end.

    With PYTHONDONTWRITEBYTECODE each run would compile its program first, which no installation does.
    """
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    timer = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**kept, "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        encoding="utf-8",
    )
    try:
        return timer.communicate()[0]
    except BaseException:
        timer.terminate()
        timer.wait()
        raise


def _sizes(target: Path | None) -> dict[str, int]:
    """Of the output: what `ls` shows, and what it takes on disk; st_blocks counts 512 bytes anywhere."""
    if target is None or not target.exists():
        return {}
    found = target.stat()
    return {"file_size_bytes": found.st_size, "allocated_bytes": found.st_blocks * 512}


def last_line(output: bytes) -> str:
    """The last one that is not blank, printable."""
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return "".join(c if c.isprintable() else "?" for c in lines[-1][:MAX_MESSAGE]) if lines else ""
