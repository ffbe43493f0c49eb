"""Runs other programs. What they print is shown only when they fail."""

import subprocess
from pathlib import Path


class CommandFailedError(Exception):
    """A program failed; the message has its command line and all that it printed."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs `command` and returns its standard output.

    Raises:
        CommandFailedError: its exit status was not 0.
    """
    nothing = subprocess.DEVNULL
    done = subprocess.run(command, capture_output=True, stdin=nothing, cwd=cwd, errors="replace", check=False)
    if done.returncode:
        words = " ".join(map(str, command))
        raise CommandFailedError(
            f"status {done.returncode} from: {words}\n{done.stdout}{done.stderr}".rstrip()
        )
    return done.stdout
