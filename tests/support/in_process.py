"""Runs imgtool's command line within the test: half a second less than a process of its own."""

import contextlib
import io
import signal
import subprocess
from pathlib import Path

from imgtool.cli.main import run

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def imgtool_here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """As support.cli.imgtool: the status and what was written, which is no terminal."""
    argv = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(argv)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return subprocess.CompletedProcess(argv, status, out.getvalue(), err.getvalue())
