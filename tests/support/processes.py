"""Which processes there are: below another, in a folder, or still."""

import os
import time
from collections.abc import Callable
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
        # The text, as it is.
        return any(os.readlink(one).startswith(folder) for one in (entry / "fd").iterdir())  # noqa: PTH115
    except OSError:
        return False


def processes_with_mounted(folder: Path) -> list[int]:
    """Those in whose mounts, of whatever namespace, `folder` or something of it is."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _has_mounted(entry, str(folder))]


def _has_mounted(entry: Path, folder: str) -> bool:
    try:
        return folder in (entry / "mountinfo").read_text()
    except OSError:
        return False


def half_written(folder: Path) -> bool:
    """Whether some process has a file without a name open below `folder`: what is to be a target."""
    return any(
        link.startswith(f"{folder}/") and link.endswith(" (deleted)")
        for entry in Path("/proc").glob("[0-9]*")
        for link in _open_files(entry)
    )


def _open_files(entry: Path) -> list[str]:
    try:
        return [os.readlink(one) for one in (entry / "fd").iterdir()]  # noqa: PTH115 - the text, as it is
    except OSError:
        return []


def children(pid: int) -> list[int]:
    """The processes that the first thread of `pid` started, and that are there."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_shut(pid: int) -> bool:
    """Whether a sandbox has begun: its limits are in force."""
    try:
        return Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"
    except OSError:
        return False


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    """Until it is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)
