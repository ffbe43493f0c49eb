"""Each means alone, on this kernel: what one does not hold, the others have to."""

import mmap
import os
import resource
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtool.sandbox import confine, job, kernel, seccomp
from imgtool.sandbox.confine import ALL, Means
from imgtool.sandbox.job import Limits

LIMITS = Limits(cpu_seconds=5, memory_bytes=64 << 20, deadline_seconds=10.0)


def confined(wanted: Means, look: Callable[[], bool]) -> bool:
    """What `look` says in a child that is confined by `wanted` only."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            confine.confine(LIMITS, parent, 200, wanted)
            status = 0 if look() else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, 1}
    return status == 0


def refused(path: str, flags: int) -> Callable[[], bool]:
    def look() -> bool:
        try:
            os.open(path, flags)
        except PermissionError:
            return True
        return False

    return look


def test_this_kernel_has_both() -> None:
    """So that the tests below are of something. A kernel without says so in `imgtool doctor`."""
    assert confine.offered().seccomp
    assert confine.offered().landlock_abi >= 1


@pytest.mark.parametrize("abi", range(1, 8))
def test_landlock_alone_keeps_files_shut(abi: int, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    means = Means(landlock_abi=abi, seccomp=False)
    assert confined(means, refused("/etc/hostname", os.O_RDONLY))
    assert confined(means, refused(str(tmp_path / "x"), os.O_RDWR))
    assert confined(means, refused(str(tmp_path / "new"), os.O_RDWR | os.O_CREAT))
    assert not (tmp_path / "new").exists()


def test_seccomp_alone_keeps_files_shut() -> None:
    assert confined(Means(landlock_abi=0, seccomp=True), refused("/etc/hostname", os.O_RDONLY))


def test_without_either_files_open_and_the_limits_still_hold() -> None:
    nothing = Means(landlock_abi=0, seccomp=False)
    assert not confined(nothing, refused("/etc/hostname", os.O_RDONLY))
    assert confined(nothing, _limited)


def _limited() -> bool:
    soft = {
        name: resource.getrlimit(getattr(resource, name))[0]
        for name in ("RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_NOFILE")
    }
    status = Path("/proc/self/status").read_text()
    assert soft == {
        "RLIMIT_CPU": 5, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NPROC": 0, "RLIMIT_NOFILE": 202,
    }  # fmt: skip
    assert "NoNewPrivs:\t1" in status
    try:
        mmap.mmap(-1, 128 << 20)  # not from the heap, which may have room that is counted already
    except OSError:
        return len(mmap.mmap(-1, 16 << 20)) > 0
    return False


def test_a_limit_is_never_raised() -> None:
    def look() -> bool:
        return resource.getrlimit(resource.RLIMIT_CPU) == (3, 3)

    def with_less() -> bool:
        resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
        job.apply(LIMITS, 200)
        return look()

    assert confined(Means(0, seccomp=False), lambda: resource.getrlimit(resource.RLIMIT_CPU) == (5, 6))
    assert confined(Means(0, seccomp=False), with_less)


def test_a_kernel_or_a_machine_without_is_offered_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)
    monkeypatch.setattr(seccomp, "program", lambda _machine=None: None)
    assert confine.offered() == Means(landlock_abi=0, seccomp=False)
    assert not confined(ALL, refused("/etc/hostname", os.O_RDONLY))


def test_what_is_offered_and_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a reader that is only believed to be confined."""
    monkeypatch.setattr(seccomp, "program", lambda _machine=None: b"\xff" * 8)

    def look() -> bool:
        try:
            confine.confine(LIMITS, os.getppid(), 200, Means(0, seccomp=True))
        except OSError:
            return True
        return False

    assert confined(Means(0, seccomp=False), look)


def test_without_its_parent_it_does_not_begin() -> None:
    with pytest.raises(ProcessLookupError):
        _in_child()


def _in_child() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            confine.confine(LIMITS, 1, 200, Means(0, seccomp=False))
        except ProcessLookupError:
            os.write(writing, b"gone")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        if said.read() == b"gone":
            raise ProcessLookupError
