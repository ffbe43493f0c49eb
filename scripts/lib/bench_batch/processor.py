"""Seconds of the processor, user and system, that processes have used."""

import os
import resource
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def of_children() -> float:
    """Of all our children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_tree(root: int) -> float:
    """Of a process and of those that descend from it and run, by proc_pid_stat(5)."""
    found = dict(filter(None, map(_stat, _PROC.iterdir())))
    tree = {root}
    while more := {pid for pid, (parent, _) in found.items() if parent in tree} - tree:
        tree |= more
    return sum(found[pid][1] for pid in tree if pid in found)


def _stat(folder: Path) -> tuple[int, tuple[int, float]] | None:
    """Its id, its parent's, and seconds; None where it is no process, or gone."""
    if not folder.name.isdigit():
        return None
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(folder.name), (int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS)
