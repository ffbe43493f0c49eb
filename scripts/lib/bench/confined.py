"""Prints, as JSON, the CPU time of `qemu-img --version` in imgtool's sandbox, and without it.

usage: PYTHON -I confined.py TIMES, by the interpreter that imgtool itself runs by

Its fields are those of model.Confinement. CPU time is that of the children, which getrusage(2) counts once
they have been waited for.
"""

import json
import resource
import sys
from collections.abc import Callable

from imgtool import sandbox
from imgtool.process import confined, programs

COMMAND = ["qemu-img", "--version"]
TIMEOUT_SECONDS = 60.0
RUNS = 10
"""Of which one is measured: the clock of what has ended counts in steps."""


def main(times: int) -> None:
    """In turn, so that what slows the machine down hits both alike."""
    confined.means()
    first = _cpu_seconds(lambda: _confined(1))
    samples = [(_confined_seconds(), _cpu_seconds(_plain)) for _ in range(times)]
    with_it, without = zip(*samples, strict=True)
    print(json.dumps({"confined_seconds": with_it, "plain_seconds": without, "first_seconds": [first]}))


def _confined_seconds() -> float:
    """Of one run. The sandbox's server, which starts it, is there in any case: its own is not counted."""
    alone = _cpu_seconds(lambda: _confined(0))
    return (_cpu_seconds(lambda: _confined(RUNS)) - alone) / RUNS


def _confined(times: int) -> None:
    with sandbox.running():
        for _ in range(times):
            confined.run(COMMAND, confined.Access(), timeout_seconds=TIMEOUT_SECONDS)


def _plain() -> None:
    programs.run(COMMAND, timeout_seconds=TIMEOUT_SECONDS)


def _cpu_seconds(run: Callable[[], None]) -> float:
    before = _used_by_children()
    run()
    return _used_by_children() - before


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]))
