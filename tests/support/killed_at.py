"""Run imgtool, and kill it before or after a function: `killed_at.py POINT MOMENT WORDS…`."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def killed_at(point: str, moment: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """What `imgtool WORDS` printed until `moment` ("before" or "after") of the function `point`."""
    command = [sys.executable, __file__, point, moment, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _main(point: str, moment: str, words: list[str]) -> None:
    module_name, _, function = point.rpartition(".")
    module = importlib.import_module(module_name)
    original = getattr(module, function)

    def killed(*values: Any, **named: Any) -> None:
        if moment == "after":
            original(*values, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, function, killed)
    from imgtool.cli.main import main  # noqa: PLC0415 - after the change

    sys.argv = ["imgtool", *words]
    main()


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3:])
