"""Which processes work in a folder."""

import os
from pathlib import Path


def processes_in(folder: Path) -> list[int]:
    """Those that have a file below `folder` open, or name it on their command line; not this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) != os.getpid() and _uses(entry, str(folder)):
            found.append(int(entry.name))
    return found


def _uses(entry: Path, folder: str) -> bool:
    try:
        if folder.encode() in (entry / "cmdline").read_bytes():
            return True
        return any(os.readlink(one).startswith(folder) for one in (entry / "fd").iterdir())  # noqa: PTH115
    except OSError:
        return False
