"""How much memory a command needs at most."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_RUN = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""
"""A process begins with the peak of the one that forked it, and a pytest is large: a small one stands
between."""


def run_and_peak(argv: Sequence[str | Path]) -> tuple[subprocess.CompletedProcess[str], int]:
    """The command as it ended, and its peak memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *argv], capture_output=True, text=True, check=False, timeout=300
    )
    lines = done.stderr.splitlines()
    done.stderr = "\n".join(lines[:-1])
    return done, int(lines[-1]) << 10
