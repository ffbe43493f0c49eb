"""The system calls that a process in the sandbox may still make, and the filter that refuses all others.

READER is for our own code that reads an image; PROGRAM and MACHINE are for qemu-img and QEMU.

What is not in the table fails with EPERM, whatever it is and whenever the kernel learnt it: opening or
looking up a file, a socket, another process or thread, a program, a signal to anybody. What is left works on
what is open already, on the process's own memory, and on its clock.

Source: linux/filter.h, linux/seccomp.h, linux/audit.h; numbers: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h.
"""

import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from imgtool.sandbox import program_calls

CALLS: dict[str, tuple[int | None, int | None]] = {
    # name             x86_64  aarch64
    "read":             (0, 63),
    "write":            (1, 64),
    "close":            (3, 57),
    "fstat":            (5, 80),
    "lseek":            (8, 62),
    "munmap":           (11, 215),
    "brk":              (12, 214),
    "rt_sigaction":     (13, 134),
    "rt_sigprocmask":   (14, 135),
    "rt_sigreturn":     (15, 139),
    "pread64":          (17, 67),
    "readv":            (19, 65),
    "writev":           (20, 66),
    "sched_yield":      (24, 124),
    "mremap":           (25, 216),
    "madvise":          (28, 233),
    "nanosleep":        (35, 101),
    "getpid":           (39, 172),
    "exit":             (60, 93),
    "gettimeofday":     (96, 169),
    "getrusage":        (98, 165),
    "sigaltstack":      (131, 132),
    "gettid":           (186, 178),
    "time":             (201, None),
    "futex":            (202, 98),
    "restart_syscall":  (219, 128),
    "clock_gettime":    (228, 113),
    "clock_getres":     (229, 114),
    "clock_nanosleep":  (230, 115),
    "exit_group":       (231, 94),
    "preadv":           (295, 69),
    "getrandom":        (318, 278),
    "preadv2":          (327, 286),
}  # fmt: skip
"""Allowed with any arguments."""

MEMORY_CALLS: dict[str, tuple[int | None, int | None]] = {
    "mmap":             (9, 222),
    "mprotect":         (10, 226),
}  # fmt: skip
"""Allowed, but for memory that can be executed: no code comes in that was not there before."""

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""uname's word to the column above, and to AUDIT_ARCH_*: a process can call the kernel in other ways too."""

_LOAD_WORD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _PROTECTION = 0, 4, 16, 16 + 2 * 8
"""Offsets in struct seccomp_data; of an argument the low half (both machines are little-endian)."""
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS
_PROT_EXEC = 4
_CLONE_THREAD = 0x00010000


@dataclass(frozen=True, slots=True)
class _Step:
    """struct sock_filter."""

    code: int
    value: int
    if_true: int = 0
    """Steps that are passed over."""
    if_false: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.value)


_ENDS: dict[str, tuple[_Step, ...]] = {
    "refuse": (_Step(_RETURN, _REFUSE),),
    "unknown": (_Step(_RETURN, _UNKNOWN),),
    "data": (_Step(_LOAD_WORD, _PROTECTION), _Step(_ANY_BIT, _PROT_EXEC, 0, 1), _Step(_RETURN, _REFUSE)),
    "thread": (_Step(_LOAD_WORD, _FIRST), _Step(_ANY_BIT, _CLONE_THREAD, 1), _Step(_RETURN, _REFUSE)),
    "own": (_Step(_LOAD_WORD, _FIRST), _Step(_EQUAL, 0, 1), _Step(_RETURN, _REFUSE)),
    "allow": (_Step(_RETURN, _ALLOW),),
}
"""What becomes of a call. Where a test of the arguments is passed, the call is allowed: see `_steps`."""

Rules = Sequence[tuple[Mapping[str, tuple[int | None, int | None]], str]]
"""Tables of calls, each with the name of its end."""

READER: Rules = ((CALLS, "allow"), (MEMORY_CALLS, "data"))
PROGRAM: Rules = (
    (CALLS, "allow"),
    (program_calls.CALLS, "allow"),
    (program_calls.THREAD_CALLS, "thread"),
    (program_calls.OWN_CALLS, "own"),
    (program_calls.UNKNOWN_CALLS, "unknown"),
)
MACHINE: Rules = (*PROGRAM, (program_calls.MACHINE_CALLS, "allow"))


def program(machine: str | None = None, rules: Rules = READER) -> bytes | None:
    """The filter for this machine (`platform.machine()`); None for one whose numbers are not known here."""
    named = machine or platform.machine()
    return _of_readers(named) if rules is READER else _program(named, rules)


@cache
def _of_readers(machine: str) -> bytes | None:
    """Made once: each sandbox that is forked from this process has it."""
    return _program(machine, READER)


def _program(machine: str, rules: Rules) -> bytes | None:
    known = _MACHINES.get(machine)
    if known is None:
        return None
    column, architecture = known
    calls = [
        (number, end) for table, end in rules for row in table.values() if (number := row[column]) is not None
    ]
    return b"".join(step.packed() for step in _steps(architecture, calls))


def _steps(architecture: int, calls: Sequence[tuple[int, str]]) -> list[_Step]:
    """A comparison for each call, each of which jumps to its end; what fits none falls into `refuse`."""
    used = [name for name in _ENDS if name in {"refuse", "allow", *(end for _, end in calls)}]
    places, ends = _lay_out(used)
    compared = [
        _Step(_EQUAL, number, if_true=len(calls) - 1 - index + places[end])
        for index, (number, end) in enumerate(calls)
    ]
    return [
        _Step(_LOAD_WORD, _ARCHITECTURE),
        _Step(_EQUAL, architecture, if_true=1),
        _Step(_RETURN, _KILL),
        _Step(_LOAD_WORD, _NUMBER),
        *compared,
        *ends,
    ]


def _lay_out(names: Sequence[str]) -> tuple[dict[str, int], list[_Step]]:
    """The ends one after the other, and where each begins; a test that is passed goes on at an `allow`."""
    places: dict[str, int] = {}
    steps: list[_Step] = []
    for name in names:
        places[name] = len(steps)
        steps += _ENDS[name]
        if len(_ENDS[name]) > 1:
            steps += _ENDS["allow"]
    return places, steps
