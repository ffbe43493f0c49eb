"""The filter, by an interpreter of its few instructions; and its table, by the kernel's headers."""

import platform
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.sandbox import program_calls, seccomp

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h",),
    "aarch64": ("asm-generic/unistd.h", "aarch64-linux-gnu/asm/unistd_64.h"),
}
DANGEROUS = {
    "x86_64": {
        "open": 2, "openat": 257, "openat2": 437, "creat": 85, "socket": 41, "connect": 42, "socketpair": 53,
        "sendmsg": 46, "clone": 56, "clone3": 435, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322,
        "kill": 62, "tkill": 200, "tgkill": 234, "pidfd_open": 434, "pidfd_getfd": 438, "ptrace": 101,
        "process_vm_readv": 310, "process_vm_writev": 311, "io_uring_setup": 425, "bpf": 321, "prctl": 157,
        "seccomp": 317, "stat": 4, "unlink": 87, "mount": 165, "memfd_create": 319, "pkey_mprotect": 329,
        "userfaultfd": 323, "perf_event_open": 298, "ioctl": 16, "fcntl": 72, "dup": 32, "pwrite64": 18,
    },
    "aarch64": {
        "openat": 56, "openat2": 437, "socket": 198, "connect": 203, "clone": 220, "clone3": 435,
        "execve": 221, "execveat": 281, "kill": 129, "tgkill": 131, "ptrace": 117, "prctl": 167, "bpf": 280,
        "sendmsg": 211, "process_vm_writev": 271, "memfd_create": 279, "pwrite64": 68, "unlinkat": 35,
    },
}  # fmt: skip


def verdict(  # noqa: PLR0917 - a call and its arguments
    machine: str,
    number: int,
    architecture: int | None = None,
    protection: int = 0,
    first: int = 0,
    rules: seccomp.Rules = seccomp.READER,
) -> int:
    """Of the filter for `machine` on a call."""
    program = seccomp.program(machine, rules)
    assert program is not None
    named = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, named, 0, first, 0, protection, 0, 0, 0)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code in {0x15, 0x45}:
            held = accumulator == value if code == 0x15 else accumulator & value
            at += if_true if held else if_false
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize("machine", ARCHITECTURES)
class TestEachMachine:
    def test_what_is_in_the_table_is_allowed_and_nothing_else(self, machine: str) -> None:
        column = list(ARCHITECTURES).index(machine)
        allowed = {row[column] for row in (*seccomp.CALLS.values(), *seccomp.MEMORY_CALLS.values())} - {None}
        found = {number for number in range(1024) if verdict(machine, number) == ALLOW}
        assert found == allowed

    @given(number=st.integers(1024, 0xFFFFFFFF))
    def test_numbers_of_another_interface_are_refused(self, machine: str, number: int) -> None:
        """x32's have a bit more; what the kernel will learn is not known here."""
        assert verdict(machine, number) == REFUSE

    def test_the_dangerous_are_refused(self, machine: str) -> None:
        for name, number in DANGEROUS[machine].items():
            assert verdict(machine, number) == REFUSE, name

    def test_memory_cannot_become_code(self, machine: str) -> None:
        column = list(ARCHITECTURES).index(machine)
        for row in seccomp.MEMORY_CALLS.values():
            for protection in range(16):
                wanted = REFUSE if protection & 4 else ALLOW
                assert verdict(machine, row[column] or 0, protection=protection) == wanted

    def test_calls_of_another_machine_kill(self, machine: str) -> None:
        for architecture in (0x40000003, 0, 0xFFFFFFFF):
            assert verdict(machine, 0, architecture) == KILL

    def test_the_numbers_are_those_of_the_kernels_headers(self, machine: str) -> None:
        column = list(ARCHITECTURES).index(machine)
        files = [Path("/usr/include") / name for name in HEADERS[machine]]
        texts = [file.read_text() for file in files if file.exists()]
        assert texts
        found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", "\n".join(texts))
        known = {name: int(number) for name, number in found}
        for name, row in {**seccomp.CALLS, **seccomp.MEMORY_CALLS}.items():
            assert known.get(name) == row[column], name
        for name, number in DANGEROUS[machine].items():
            assert known[name] == number


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    assert seccomp.program("riscv64") is None
    assert seccomp.program() == seccomp.program(platform.machine())


# ---------------------------------------------------------------- other programs

NEVER = {
    "socket", "socketpair", "connect", "kill", "tkill", "ptrace", "process_vm_readv", "process_vm_writev",
    "bpf", "userfaultfd", "perf_event_open", "mount", "execveat", "pidfd_open", "pidfd_getfd", "unlink",
    "unlinkat", "fork", "vfork",
}  # fmt: skip
NO_SUCH_CALL = 0x00050000 | 38
THREAD = 0x10000


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("rules", [seccomp.PROGRAM, seccomp.MACHINE], ids=["tool", "machine"])
class TestPrograms:
    def test_what_reaches_others_is_refused(self, machine: str, rules: seccomp.Rules) -> None:
        for name, number in DANGEROUS[machine].items():
            if name in NEVER:
                assert verdict(machine, number, rules=rules) == REFUSE, name

    def test_what_is_in_a_table_ends_as_it_says(self, machine: str, rules: seccomp.Rules) -> None:
        column = list(ARCHITECTURES).index(machine)
        ends = {"allow": ALLOW, "unknown": NO_SUCH_CALL, "thread": REFUSE, "own": ALLOW}
        wanted = {
            row[column]: ends[end]
            for table, end in rules
            for row in table.values()
            if row[column] is not None
        }
        for number in range(1024):
            assert verdict(machine, number, rules=rules) == wanted.get(number, REFUSE), number

    def test_threads_and_no_processes(self, machine: str, rules: seccomp.Rules) -> None:
        clone = program_calls.THREAD_CALLS["clone"][list(ARCHITECTURES).index(machine)] or 0
        assert verdict(machine, clone, first=0x3D0F00 | THREAD, rules=rules) == ALLOW
        assert verdict(machine, clone, first=0x1200011, rules=rules) == REFUSE

    def test_limits_of_itself_and_of_no_other(self, machine: str, rules: seccomp.Rules) -> None:
        call = program_calls.OWN_CALLS["prlimit64"][list(ARCHITECTURES).index(machine)] or 0
        assert verdict(machine, call, first=0, rules=rules) == ALLOW
        assert verdict(machine, call, first=4711, rules=rules) == REFUSE

    def test_the_numbers_are_those_of_the_headers(self, machine: str, rules: seccomp.Rules) -> None:
        column = list(ARCHITECTURES).index(machine)
        files = [Path("/usr/include") / name for name in HEADERS[machine]]
        text = "\n".join(file.read_text() for file in files if file.exists())
        found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)
        known = {name: int(number) for name, number in found}
        known.setdefault("newfstatat", known.get("fstatat", -1))  # its older name among the generic ones
        for table, _ in rules:
            for name, row in table.items():
                assert row[column] is None or known.get(name) == row[column], name


def test_qemu_may_wake_its_threads_and_a_tool_may_not() -> None:
    tgkill = DANGEROUS["x86_64"]["tgkill"]
    assert verdict("x86_64", tgkill, rules=seccomp.PROGRAM) == REFUSE
    assert verdict("x86_64", tgkill, rules=seccomp.MACHINE) == ALLOW
