"""Which units a boot starts: the first transaction of `systemd --test`, and imgtool's."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.guest_tree import Content, Link, guest_tree

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.systemd import Machine, what_starts

SYSTEMD = "/usr/lib/systemd/systemd"
PLACES = {
    "etc": "/etc/systemd/system",
    "lib": "/usr/lib/systemd/system",
    "local": "/usr/local/lib/systemd/system",
    "opt": "/opt",
}
"""Where the directories of a variant are for systemd."""
# Emptied in a root of its own.
EMPTY = ("/etc/systemd", "/usr/local/lib", "/run", "/tmp", "/usr/lib/systemd/system-generators")  # noqa: S108
SECONDS = 60
IS_252 = {"/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so": ""}
"""The version that judges."""
_JOB = re.compile(r"^\t\tAction: (\S+) -> (\S+)$", re.MULTILINE)
_NOT_OURS = re.compile(r".*\.(device|slice|mount|swap)|systemd-remount-fs\.service")
"""What hangs on the machine that judges, and on its fstab."""


@dataclass(frozen=True)
class Transaction:
    """What a boot starts."""

    started: frozenset[str]
    perhaps: frozenset[str] = frozenset()
    """Units among them that systemd starts or not by the order of a hash table: those that conflict."""
    has_cycle: bool = False
    """systemd left out one of some units that wait for each other, by the order of a hash table."""


def difference(theirs: Transaction, ours: Transaction) -> str:
    """What is started by one alone; empty where both agree."""
    if theirs.has_cycle:
        return ""
    only_theirs = sorted(theirs.started - ours.started)
    only_ours = sorted(ours.started - theirs.started - ours.perhaps)
    return f"only systemd: {only_theirs}, only imgtool: {only_ours}" if only_theirs or only_ours else ""


def by_systemd(files: Mapping[str, Content], folder: Path) -> Transaction:
    """The units that systemd starts: none where it says what hinders it, and freezes."""
    for name, place in PLACES.items():
        (folder / name).mkdir()
        for path, content in files.items():
            if path.startswith(f"{place}/"):
                _write(folder / name / path.removeprefix(f"{place}/"), content)
    done = subprocess.run(_command(folder), capture_output=True, text=True, timeout=SECONDS, check=False)
    _, found, jobs = done.stdout.partition("-> By jobs:")
    if not found and "Failed to start default target" not in done.stderr:
        raise RuntimeError(f"systemd --test: {done.stderr[-500:]}")
    started = {name for name, action in _JOB.findall(jobs) if action == "start"}
    return Transaction(frozenset(filter(_is_ours, started)), has_cycle="ordering cycle" in done.stderr)


def _is_ours(name: str) -> bool:
    return not _NOT_OURS.fullmatch(name)


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Link):
        path.symlink_to(content.target)
    else:
        path.write_text(str(content))


def _command(folder: Path) -> list[str]:
    binds = [word for name, place in PLACES.items() for word in ("--ro-bind", str(folder / name), place)]
    empty = [word for place in EMPTY for word in ("--tmpfs", place)]
    sandbox = ["bwrap", "--ro-bind", "/", "/", *empty, *binds, "--proc", "/proc", "--dev", "/dev"]
    user = ["--unshare-all", "--uid", "1000", "--gid", "1000"]
    return [*sandbox, *user, SYSTEMD, "--test", "--system", "--log-target=console", "--log-level=warning"]


def by_imgtool(files: Mapping[str, Content]) -> Transaction:
    """The units that imgtool takes to be started in the first transaction."""
    machine = Machine(parse_command_line("ro"), "x86_64", devices=())
    found = what_starts(guest_tree({**files, **IS_252}), machine)
    started = frozenset(filter(_is_ours, found.transaction))
    return Transaction(started, frozenset(name for name in started if found.unit(name).starts is None))
