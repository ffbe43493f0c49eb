"""The filter, by an interpreter of its few instructions; and its table, by the kernel's headers."""

import platform
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.box import seccomp

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


def verdict(machine: str, number: int, architecture: int | None = None, protection: int = 0) -> int:
    """Of the filter for `machine` on a call."""
    program = seccomp.program(machine)
    assert program is not None
    named = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, named, 0, 0, 0, protection, 0, 0, 0)
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
