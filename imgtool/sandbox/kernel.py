"""The kernel's means to confine a process, which Python has no functions for: prctl(2), Landlock, seccomp(2).

Numbers: linux/prctl.h, linux/landlock.h, linux/seccomp.h, linux/filter.h; Landlock's system calls have the
same numbers on every architecture.
"""

import ctypes
import errno
import os
from collections.abc import Collection, Iterable, Sequence

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEVICE = (1 << bit for bit in (0, 1, 2, 3, 14, 15))
"""Kinds of access to a file; those that the kernel's Landlock does not know are not bounded, and left out."""

CAP_DAC_OVERRIDE = 1
"""Of root: to open a file that another user keeps to himself."""

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""Landlock's ABI to how many kinds of access to files it knows: bits from 0."""
_NETWORK_RIGHTS = {4: 2}
_SCOPES = {6: 2}
"""Abstract UNIX sockets and signals of processes outside."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def die_with_parent(signal: int) -> None:
    """This process gets `signal` when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def forbid_new_privileges() -> None:
    """No program that this process starts has more rights than it has. Cannot be undone."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def forbid_dumps() -> None:
    """No core file, and no other process of the same user looks into the memory of this one."""
    _prctl(_PR_SET_DUMPABLE, 0)


def has_seccomp() -> bool:
    """The kernel takes filters: it looks at the program, which is none (EFAULT)."""
    status = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return bool(status == -1 and ctypes.get_errno() == errno.EFAULT)


def install_filter(program: bytes) -> None:
    """Let `program`, instructions of 8 bytes, judge each system call from now on. Cannot be undone."""
    given = _Program(len(program) // 8, program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(given))


def landlock_abi() -> int:
    """The version of Landlock; 0 where this kernel, or what runs it, has none."""
    found = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    return max(0, found)


def forbid_all_by_landlock(abi: int, allowed: Iterable[tuple[int, int]] = ()) -> None:
    """Forbid from now on to open, create or remove files, and to bind or connect sockets.

    What is open stays open. Each kind of access that `abi` knows is handled; `allowed` are descriptors of
    files and folders, each with the kinds of access that are left to it and to all that is below it.
    """
    rights = [_bits(_FILE_RIGHTS, abi), _bits(_NETWORK_RIGHTS, abi), _bits(_SCOPES, abi)]
    attributes = b"".join(value.to_bytes(8, "little") for value in rights if value)
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        _fail("landlock_create_ruleset")
    try:
        for descriptor, access in allowed:
            _allow(ruleset, descriptor, access & rights[0])
        if _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0:
            _fail("landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, descriptor: int, access: int) -> None:
    """struct landlock_path_beneath_attr is packed. Memory that is no file's (memfd) is never bounded."""
    rule = access.to_bytes(8, "little") + descriptor.to_bytes(4, "little", signed=True)
    if _syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0) < 0:
        if ctypes.get_errno() == errno.EBADFD:
            return
        _fail("landlock_add_rule")


def confine_program(filtering: bytes, rules: Sequence[str]) -> None:
    """Confine the program that this process is about to become, which can open no more than `rules` say.

    `filtering` is its seccomp filter; empty: none. A rule is `FLAGS:PATH` for a file or folder, or
    `FLAGS:@NUMBER` for the file of an open descriptor; FLAGS are kinds of access, added up.
    """
    forbid_new_privileges()
    drop_capabilities({CAP_DAC_OVERRIDE})
    if abi := landlock_abi():
        forbid_all_by_landlock(abi, [_opened(rule) for rule in rules])
    if filtering:
        install_filter(filtering)


def _opened(rule: str) -> tuple[int, int]:
    """A descriptor, for as long as this process is what it is, and what may be done with its file."""
    flags, _, name = rule.partition(":")
    descriptor = int(name[1:]) if name.startswith("@") else os.open(name, os.O_PATH | os.O_CLOEXEC)
    return descriptor, int(flags)


def drop_capabilities(kept: Collection[int]) -> None:
    """No program that this process becomes has root's powers, but for those in `kept`. Cannot be undone.

    The bounding set is what execve(2) gives to root (capabilities(7)); for others there is nothing to do.
    """
    if os.geteuid() != 0:
        return
    for capability in range(64):
        if capability not in kept and _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            _prctl(_PR_CAPBSET_DROP, capability)


def wipe_environment(kept: Collection[str]) -> None:
    """Overwrite the strings of the environment, where passwords may stand; only `kept` is there then."""
    rest = {name: os.environ[name] for name in kept if name in os.environ}
    strings = ctypes.POINTER(ctypes.c_void_p).in_dll(_libc, "environ")
    index = 0
    while strings and (address := strings[index]) is not None:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))
        index += 1
    os.environ.clear()
    _libc.clearenv()
    os.environ.update(rest)


def _bits(known: dict[int, int], abi: int) -> int:
    counts = [count for since, count in known.items() if since <= abi]
    return (1 << counts[-1]) - 1 if counts else 0


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *given))


def _prctl(option: int, *arguments: object) -> None:
    """Raises OSError. The kernel wants zeros for what is not given."""
    padded = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in (*arguments, 0, 0, 0, 0)][:4]
    if _libc.prctl(option, *padded) != 0:
        _fail(f"prctl({option})")


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")
