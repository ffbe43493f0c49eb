"""Run imgtool with a signal before or after a function: `killed_at.py SIGNAL POINT MOMENT WORDS…`."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def killed_at(
    point: str, moment: str, *words: str | Path, by: signal.Signals = signal.SIGKILL
) -> "subprocess.CompletedProcess[str]":
    """Ends `imgtool WORDS` at `moment` ("before" or "after") of the first call of the function `point`."""
    command = [sys.executable, __file__, str(by.value), point, moment, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _main(number: int, point: str, moment: str, words: list[str]) -> None:
    module_name, _, function = point.rpartition(".")
    module = importlib.import_module(module_name)
    original = getattr(module, function)

    def killed(*values: Any, **named: Any) -> Any:
        setattr(module, function, original)
        if moment == "before":
            os.kill(os.getpid(), number)
        result = original(*values, **named)
        if moment == "after":
            os.kill(os.getpid(), number)
        return result

    setattr(module, function, killed)
    from imgtool.cli.main import main  # noqa: PLC0415 - after the change

    sys.argv = ["imgtool", *words]
    main()


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:4], sys.argv[4:])
