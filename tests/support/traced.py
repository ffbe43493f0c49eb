"""Runs imgtool under strace, and tells what was opened and executed; needs no word from imgtool for it."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.cli import IMGTOOL

import imgtool

_CALLS = (
    "socket,open,openat,openat2,creat,execve,execveat,truncate,rename,renameat2,link,linkat,unlink,unlinkat"
)
_OPEN = re.compile(rb'(?:open|openat|openat2|creat)\((?:AT_FDCWD, |\d+, )?"((?:\\.|[^"\\])*)"(.*)')
_EXECUTE = re.compile(rb'execve(?:at)?\((?:AT_FDCWD, |\d+, )?"((?:\\.|[^"\\])*)"')
_WRITING = re.compile(rb"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
_FAILED = re.compile(rb"= -1 E")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")

PROGRAM = tuple(
    str(name)
    for path in (
        sys.prefix,
        sys.base_prefix,
        Path(imgtool.__file__).parent.parent,
        "/usr/lib",
        "/lib",
        "/lib64",
        "/usr/share",
        "/usr/bin",
        "/etc/ld.so.cache",
        "/etc/ld.so.preload",
        "/etc/magic",
        "/etc/magic.mgc",
        "/etc/magic.mime",
        "/opt/pyca",  # where the cryptography wheel looks for OpenSSL's settings
        "/proc/self/cgroup",
        "/proc/self/fd",
        "/proc/self/statm",
        "/proc/self/status",
        "/etc/localtime",
        "/etc/python3.11",
        "/proc/sys/vm/overcommit_memory",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
        "/dev/null",
        "/dev/urandom",
    )
    for name in (path, os.path.realpath(path))
)
"""What belongs to the program: its code, the interpreter's, the libraries', and their data."""

OWN_WRITES = {"/dev/null", "/proc/self/oom_score_adj"}
"""Of the last: a process in the sandbox offers itself to the kernel when it has no memory left."""

LOADER = {"/sbin/ldconfig", "/usr/sbin/ldconfig"}
"""Asked by ctypes where libmagic is, before any image is opened."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A command that has ended, and what it did by the kernel's word."""

    run: "subprocess.CompletedProcess[str]"
    read: frozenset[str]
    """Files that were opened, or tried, apart from the program's own."""
    written: frozenset[str]
    executed: tuple[str, ...]
    """Programs, after imgtool itself."""
    got: frozenset[str] = frozenset()
    """Of what was read and written, apart from the program's own, what really was opened."""
    sockets: int = 0
    """How many were made, other than pairs of this process's own."""


def traced(
    *arguments: str | Path, trace: Path, cwd: Path | None = None, program: Sequence[str | Path] = (IMGTOOL,)
) -> Traced:
    """imgtool with these arguments, or another `program`; `trace` is the file to keep strace's words in."""
    argv = ["strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "4096", "-e", f"trace={_CALLS}", "-o", trace]
    run = subprocess.run(
        [*argv, *program, *arguments],
        cwd=cwd, capture_output=True, text=True, errors="surrogateescape", timeout=300, check=False,
    )  # fmt: skip
    lines = trace.read_bytes().splitlines()
    opened = [(_path(found[1], cwd), found[2]) for line in lines if (found := _OPEN.search(line))]
    foreign = [(path, flags) for path, flags in opened if not _is_own(path)]
    executed = [_path(found[1], cwd) for line in lines if (found := _EXECUTE.search(line))]
    return Traced(
        run=run,
        read=frozenset(path for path, flags in foreign if not _WRITING.search(flags)),
        written=frozenset(path for path, flags in opened if _WRITING.search(flags)) - OWN_WRITES,
        executed=tuple(path for path in executed[1:] if path not in LOADER),
        got=frozenset(path for path, flags in foreign if not _FAILED.search(flags)),
        sockets=sum(b" socket(" in line and not _FAILED.search(line) for line in lines),
    )


def _path(escaped: bytes, cwd: Path | None) -> str:
    plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), escaped)
    return os.path.normpath((cwd or Path.cwd()) / os.fsdecode(plain))


def _is_own(path: str) -> bool:
    return any(path == own or path.startswith(own + "/") for own in PROGRAM)


def lines_of_error(run: "subprocess.CompletedProcess[str]") -> Sequence[str]:
    """The lines that begin with imgtool's word for an error."""
    return [line for line in run.stderr.splitlines() if line.startswith("imgtool: error: ")]
