"""Runs one command to its end and prints, as JSON, how long it took and what it used.

usage: python3 -I -S timer.py SECONDS TARGET COMMAND...

A program of its own, because it has to be small: the peak memory of a child starts at what its parent had
when it started it (execve keeps the high-water mark of the memory that it replaces), so a parent that has
just made a workload would be measured along with every child. Its own 10 MiB are the least that a command
can seem to have. TARGET, if it exists, is synced within the measured time. Whatever the command still runs
after SECONDS, or at SIGTERM, is killed.
"""

import json
import os
import signal
import sys
import time


class Command:
    """A process group that is killed when a signal says so."""

    def __init__(self) -> None:
        self.stopped = False
        self._group = 0
        for number in (signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopped = True
        if self._group:
            os.killpg(self._group, signal.SIGKILL)

    def run(self, argv: list[str], limit_seconds: float) -> dict[str, float]:
        """Exit status, negative for a signal, and what the command and the children that it reaped used."""
        quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        signal.setitimer(signal.ITIMER_REAL, limit_seconds)
        self._group = os.posix_spawnp(argv[0], argv, os.environ, file_actions=quiet, setpgroup=0)
        if self.stopped:  # between the start and the line that made its number known
            os.killpg(self._group, signal.SIGKILL)
        # Reaped only after the alarm is off: until then the number is not given to another.
        os.waitid(os.P_PID, self._group, os.WEXITED | os.WNOWAIT)
        signal.setitimer(signal.ITIMER_REAL, 0)
        group, self._group = self._group, 0
        _, status, usage = os.wait4(group, 0)
        return {
            "status": os.waitstatus_to_exitcode(status),
            "user_seconds": usage.ru_utime,
            "system_seconds": usage.ru_stime,
            "peak_rss_bytes": usage.ru_maxrss * 1024,  # Linux counts it in KiB
            "written_bytes": usage.ru_oublock * 512,  # pages of files on a disk, not on a tmpfs
        }


def main(limit_seconds: str, target: str, argv: list[str]) -> int:
    """The command's own status is in the JSON; this program's is 0."""
    command = Command()
    start = time.monotonic()
    used = command.run(argv, float(limit_seconds))
    if os.path.isfile(target):  # noqa: PTH113 - pathlib costs memory that the children would inherit
        sync(target)
    wall_seconds = time.monotonic() - start
    print(json.dumps({"wall_seconds": wall_seconds, "too_slow": command.stopped, **used}))
    return 0


def sync(target: str) -> None:
    """What the command wrote, to the disk."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
