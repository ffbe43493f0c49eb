"""The guest and the headers, read in the sandbox: the same facts, and never a pass where it fails."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import IMGTOOL
from support.fixtures import checksums, fixture_path
from support.images import convert

from imgtool import sandbox
from imgtool.checks.registry import judge
from imgtool.errors import ImageUnreadableError
from imgtool.formats import admit, headers
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import GuestQuery
from imgtool.pipeline import guest_reader
from imgtool.pipeline.inspect import inspect_image
from imgtool.sandbox import Job, Limits
from imgtool.util.progress import NullProgress

NAMES = [name.removesuffix(".raw.zst") for name in checksums()]
LOOK_FOR = GuestQuery(("nvme", "ena"), ("/etc/os-*", "/etc/*.conf", "/**/config"))


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_are_those_that_are_read_outside(name: str) -> None:
    path = fixture_path(name)
    with path.open("rb") as disk:
        outside = inspect_disk(disk, path.stat().st_size, LOOK_FOR)
    assert guest_reader.read_guest(admit(path, "raw"), NullProgress(), LOOK_FOR) == outside


def _spin(*_: object) -> None:
    while True:
        pass


def _hungry(*_: object) -> None:
    raise AssertionError(len(bytearray(4 << 30)))


def _bug(*_: object) -> None:
    raise AssertionError("a bug")


ENDS: dict[str, tuple[Callable[..., object], str]] = {
    "spins": (_spin, "used more than 1 seconds of CPU time"),
    "eats": (_hungry, "needs more memory than it may have"),
    "crashes": (lambda *_: os.abort(), "was killed by signal"),
    "leaves": (lambda *_: os._exit(0), "ended without an answer"),
    "has a bug": (_bug, "AssertionError: a bug"),
    "opens a file": (lambda *_: os.open("/etc/hostname", os.O_RDONLY), "PermissionError"),
    "lies": (lambda *_: os.write(3, b"A\0\0\0\2{}"), "makes no sense"),
}


def _with(monkeypatch: pytest.MonkeyPatch, module: object, job: "Job[object, object]", look: object) -> None:
    """`job`, in a server that is not forked yet, does `look`."""
    limits = Limits(cpu_seconds=1, memory_bytes=256 << 20, deadline_seconds=20.0)
    changed = Job(job.name, job.subject, job.question, job.answer, look, limits)  # type: ignore[arg-type]  # as much as is asked of it
    monkeypatch.setattr(module, "JOB", changed)


@pytest.mark.usefixtures("own_server")
@pytest.mark.parametrize("how", ENDS)
def test_a_guest_that_ends_its_reader_is_unknown_and_fails(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = admit(fixture_path("ext4-gpt"))
    assert judge(inspect_image(image, NullProgress())).passed
    sandbox.stop()
    end, says = ENDS[how]
    _with(monkeypatch, guest_reader, guest_reader.JOB, end)
    inspection = inspect_image(image, NullProgress())
    assert inspection.guest.status == "unknown"
    assert re.search(f"^the guest cannot be read: its reader .*{says}", inspection.guest.reason)
    judgement = judge(inspection)
    assert not judgement.passed
    assert [one.check for one in judgement.findings if one.fails_image] == ["system-found"]
    silent = {one.check for one in judgement.findings if one.because_of == "system-found"}
    assert {"virtio-initramfs", "guest-agent-enabled"} <= silent


@pytest.mark.usefixtures("own_server")
@pytest.mark.parametrize("how", ENDS)
def test_a_header_that_ends_its_reader_is_refused(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    end, says = ENDS[how]
    _with(monkeypatch, headers, headers.JOB, end)
    path = fixture_path("ext4-gpt")
    with pytest.raises(ImageUnreadableError, match=f"^{path}: its header cannot be read: .*{says}") as caught:
        admit(path)
    assert caught.value.exit_status == 3


def test_what_is_in_the_box_opens_nothing(tmp_path: Path) -> None:
    """By strace: between shutting itself in and its end it makes no call that names a file or a process."""
    image = convert(fixture_path("ext4-gpt"), tmp_path / "disk.qcow2", "raw", "qcow2")
    log = tmp_path / "log"
    calls = "trace=%file,%network,%process,%signal,%ipc,prctl,ioctl,memfd_create,io_uring_setup,dup,dup2,dup3"
    run = subprocess.run(
        ["strace", "-f", "-qq", "-e", "signal=none", "-e", calls, "-o", log, IMGTOOL, "check", image],
        capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode in {0, 1}
    after: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        process, _, call = line.partition(" ")
        if process in after:
            after[process].append(call.strip())
        elif "PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {" in call:
            after[process] = []
    programs = [
        process for process, calls in after.items() if any(call.startswith("execve(") for call in calls)
    ]
    assert len(programs) == 1  # qemu-img, which may open its libraries
    after = {process: calls for process, calls in after.items() if process not in programs}
    assert len(after) == 2
    ended = "<... "  # a call of which an earlier line told
    own = ("exit_group(", "rt_sigaction(", "rt_sigprocmask(", "+++ ", ended)
    assert [call for calls in after.values() for call in calls if not call.startswith(own)] == []


@pytest.mark.usefixtures("own_server")
def test_an_interruption_leaves_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    _with(monkeypatch, guest_reader, guest_reader.JOB, _spin)
    image = admit(fixture_path("ext4-gpt"))
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            inspect_image(image, NullProgress())
    finally:
        signal.signal(signal.SIGALRM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
