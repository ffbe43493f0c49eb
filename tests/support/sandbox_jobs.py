"""Jobs for the sandbox that do what a reader does that a hostile image has taken over."""

import ctypes
import fcntl
import importlib
import json
import mmap
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.pipeline.guest_reader import JOB as GUEST
from imgtool.sandbox import Job, Limits
from imgtool.sandbox.child import CHANNEL

LIMITS = Limits(cpu_seconds=1, memory_bytes=256 << 20, deadline_seconds=20.0)
HURRIED = Limits(cpu_seconds=30, memory_bytes=256 << 20, deadline_seconds=0.3)
LATE = Limits(cpu_seconds=30, memory_bytes=256 << 20, deadline_seconds=4.0)
"""Time for a busy machine to come to what a test does meanwhile."""


@dataclass(frozen=True, slots=True)
class Words:
    """The question and the answer."""

    words: tuple[str, ...] = ()


def echo(asked: Words, descriptor: int) -> Words:
    return Words((*asked.words, os.pread(descriptor, 16, 0).hex()))


def tell(asked: Words, _descriptor: int) -> Words:
    """What there is to find in this process."""
    open_ = [str(number) for number in range(200) if _is_open(number)]
    return Words((*sorted(os.environ), "|", *open_))


def _is_open(number: int) -> bool:
    try:
        os.lseek(number, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno != 9
    return True


TRIES: dict[str, Callable[[], object]] = {
    "open a file": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "open one of its own": lambda: os.open(__file__, os.O_RDONLY),
    # To be refused.
    "make a file": lambda: os.open("/tmp/made-in-the-box", os.O_RDWR | os.O_CREAT),  # noqa: S108
    "remove a file": lambda: os.unlink("/tmp/made-in-the-box"),  # noqa: PTH108, S108 - to be refused
    "list a folder": lambda: os.listdir("/"),
    "look up a file": lambda: os.stat("/etc/hostname"),  # noqa: PTH116 - to be refused
    "make a socket": lambda: socket.socket(socket.AF_INET),
    "make a pair of sockets": socket.socketpair,
    "fork": os.fork,
    "become a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - to be refused
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "signal another": lambda: os.kill(1, 0),
    "signal itself": lambda: os.kill(os.getpid(), signal.SIGCONT),
    "start a thread": lambda: threading.Thread(target=time.time).start(),
    "raise a limit": lambda: __import__("resource").setrlimit(4, (-1, -1)),
    "make code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "change what it reads": lambda: os.pwrite(4, b"x", 0),
    "write to what it reads": lambda: os.write(4, b"x"),
    "map what it reads, to write": lambda: mmap.mmap(4, 16, prot=mmap.PROT_READ | mmap.PROT_WRITE),
    "cut what it reads": lambda: os.ftruncate(4, 1),
    "lock what it reads": lambda: fcntl.flock(4, fcntl.LOCK_EX),
    "signal the server": lambda: os.kill(os.getppid(), signal.SIGSTOP),
    "signal all": lambda: os.kill(0, signal.SIGCONT),
    "have a signal sent": lambda: fcntl.fcntl(3, fcntl.F_SETOWN, 1),
    "open the server": lambda: os.pidfd_open(1),
    "read another's memory": lambda: _libc(310, 1, 0, 0, 0, 0, 0),
    "close the channel for others": lambda: socket.socket(fileno=os.dup(CHANNEL)).shutdown(socket.SHUT_RDWR),
    "share memory": lambda: _libc(29, 1, 4096, 0o1600),
    "be spared": lambda: open("/proc/self/oom_score_adj", "w"),  # noqa: PTH123, SIM115 - to be refused
    "live on": lambda: _libc(157, 1, 0, 0, 0, 0),
    "be traced": lambda: _libc(101, 0, 0, 0, 0),
    "open by openat2": lambda: _libc(437, -100, b"/etc/hostname", struct.pack("QQQ", 0, 0, 0), 24),
    "make a memory file": lambda: os.memfd_create("x"),
    "pass a descriptor": lambda: socket.send_fds(socket.socket(fileno=CHANNEL), [b"x"], [4]),
}


def _libc(number: int, *arguments: object) -> None:
    if ctypes.CDLL(None, use_errno=True).syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def attempt(asked: Words, _descriptor: int) -> Words:
    """Which of the tries went well."""
    done = []
    for name in asked.words:
        try:
            TRIES[name]()
        except (OSError, RuntimeError, ValueError):
            continue
        done.append(name)
    return Words(tuple(done))


def load(asked: Words, _descriptor: int) -> Words:
    """Import modules; which of them there are not."""
    missing = []
    for name in asked.words:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name}: {error}")
    return Words((*missing, "|", *(name for name in asked.words if name in sys.modules)))


def _say(kind: bytes, content: bytes, length: int | None = None) -> None:
    os.write(CHANNEL, struct.pack(">cI", kind, len(content) if length is None else length) + content)


def _answer(content: bytes) -> Callable[[], None]:
    return lambda: _say(b"A", content)


def _raise(error: BaseException) -> None:
    raise error


def _ask_without_end() -> None:
    while True:
        _say(b"M", b"no_such_module")
        os.read(CHANNEL, 5)


def _ask_the_same() -> None:
    """The largest of the standard library, which takes imgtool some time to send."""
    while True:
        _say(b"M", b"_pydecimal")
        _, length = struct.unpack(">cI", os.read(CHANNEL, 5))
        while length > 0:
            length -= len(os.read(CHANNEL, length))


def _trickle(content: bytes) -> None:
    os.write(CHANNEL, struct.pack(">cI", b"A", len(content)))
    for value in content:
        os.write(CHANNEL, bytes([value]))
        time.sleep(0.02)


def _ignore_everything() -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(100)


def _overflow() -> object:
    return _overflow()


ENDS: dict[str, tuple[Callable[[], object], str]] = {
    "4 GiB": (lambda: bytearray(4 << 30), "needs more memory than it may have"),
    "spin": (lambda: sum(iter(int, 1)), "1 seconds of CPU time"),
    "sleep": (lambda: time.sleep(100), "took longer than"),
    "abort": (os.abort, "was killed by signal"),
    "crash": (lambda: ctypes.string_at(0), "was killed by signal 11"),
    "exit": (lambda: os._exit(0), "ended without an answer"),
    "exit oddly": (lambda: os._exit(70), "ended without an answer"),
    "close": (lambda: (os.close(CHANNEL), time.sleep(100)), "was killed|ended without"),
    "KeyError": (lambda: {}["x"], r"failed \(KeyError: 'x'\)"),
    "KeyboardInterrupt": (lambda: _raise(KeyboardInterrupt()), "failed .KeyboardInterrupt"),
    "SystemExit": (lambda: _raise(SystemExit(3)), "failed .SystemExit"),
    "recursion": (_overflow, "failed .RecursionError"),
    "a traceback's bytes": (lambda: _raise(ValueError("\x1b[31m" * 1000)), r"ValueError: \\x1b"),
    "rubbish": (lambda: os.write(CHANNEL, bytes(100)), "makes no sense"),
    "another kind": (lambda: _say(b"Z", b"{}"), "makes no sense"),
    "no JSON": (_answer(b"{"), "makes no sense"),
    "nothing": (_answer(b""), "makes no sense"),
    "not UTF-8": (_answer(b'{"words": ["\xff"]}'), "makes no sense"),
    "deep": (_answer(b'{"words":' + b"[" * 100_000), "makes no sense"),
    "deep and whole": (_answer(b"[" * 50_000 + b"]" * 50_000), "makes no sense"),
    "wrong type": (_answer(b'{"words": [1]}'), "int in place of str"),
    "no list": (_answer(b'{"words": {}}'), "dict in place of list"),
    "a key too many": (_answer(b'{"words": [], "more": 1}'), "keys of Words"),
    "a key too few": (_answer(b"{}"), "keys of Words"),
    "NaN": (_answer(b'{"words": NaN}'), "makes no sense"),
    "many digits": (_answer(b'{"words": ' + b"9" * 10_000 + b"}"), "makes no sense"),
    "too large": (lambda: _say(b"A", b"", 1 << 31), "more than 16777216 bytes"),
    "too large, and sent": (
        lambda: [os.write(CHANNEL, b"A\xff\xff\xff\xff" + bytes(1 << 20)) for _ in range(100)],
        "more than 16777216 bytes",
    ),
    "too large a name": (lambda: _say(b"M", bytes(70_000)), "more than 65536 bytes"),
    "too large a failure": (lambda: _say(b"F", bytes(70_000)), "more than 65536 bytes"),
    "a long string": (_answer(b'{"words": ["' + b"x" * (2 << 20) + b'"]}'), "string that is too long"),
    "a long list": (_answer(b'{"words": [' + b'"",' * 100_000 + b'""]}'), "list that is too long"),
    "many values": (_answer(b'{"words": [' + b"[]," * 3_000_000 + b"[]]}"), "too many values"),
    "half a head": (lambda: (os.write(CHANNEL, b"A\0"), os._exit(0)), "ended without an answer"),
    "half an answer, and waits": (lambda: (_say(b"A", b"{", 100), time.sleep(100)), "took longer than"),
    "a byte at a time": (lambda: _trickle(b'{"words": [], "more": 1}' * 1000), "took longer than"),
    "two answers": (lambda: (_say(b"A", b"{}"), _say(b"A", b'{"words": []}')), "keys of Words"),
    "what imgtool says": (lambda: _say(b"C", b""), "makes no sense"),
    "the same module": (_ask_the_same, "modules without end"),
    "stops hearing": (_ignore_everything, "took longer than"),
    "half an answer": (lambda: (_say(b"A", b"{", 100), os._exit(0)), "ended without an answer"),
    "no end of modules": (_ask_without_end, "modules without end"),
    "a false failure": (lambda: _say(b"F", b'{"code": 1}'), "makes no sense"),
    "an error of another kind": (
        lambda: _say(b"F", json.dumps({"code": "usage", "message": "x", "hint": ""}).encode()),
        r"failed \(x\)",
    ),
}
"""What a job does in place of an answer, and what is said of it."""


def end(asked: Words, _descriptor: int) -> Words:
    ENDS[asked.words[0]][0]()
    time.sleep(10)
    return Words()


SPOILING = {
    "names of modules that are there": (b"this", b"json.tool", b"imgtool.cli.main", b"imgtool.batch.worker"),
    "names of programs": (b"dissect.util.tools", b"imgtool.guest.__init__", b"dissect.cstruct.tools.stubgen"),
    "names of nothing": (b"imgtool.guest.nothing", b"dissect.nothing", b"imgtool.guest.x" * 40),
    "names that are none": (b"imgtool.guest..", b"imgtool.guest./etc", b"\xff" * 700, bytes(60_000)),
    "names that others find": (b"distutils", b"distutils.core", b"setuptools", b"pkg_resources"),
}
"""Modules that a sandbox asks for, of which the next one is to have none."""


def spoil(asked: Words, _descriptor: int) -> Words:
    """Ask for modules until imgtool has heard of each, and then for what every guest needs."""
    for name in (*SPOILING[asked.words[0]], b"imgtool.guest.fstab"):
        _say(b"M", name)
        _, length = struct.unpack(">cI", os.read(CHANNEL, 5))
        while length > 0:
            length -= len(os.read(CHANNEL, length))
    return Words()


def nap(asked: Words, descriptor: int) -> Words:
    time.sleep(0.3)
    return echo(asked, descriptor)


def loaded(_asked: Words, _descriptor: int) -> Words:
    """What the server had loaded."""
    return Words(tuple(sorted(sys.modules)))


def refuse(asked: Words, _descriptor: int) -> Words:
    if asked.words == ("unsafe",):
        raise UnsafeImageError("it is unsafe", hint="drop it")
    raise ImageUnreadableError("it is \x1bunreadable")


def _job(name: str, work: Callable[[Words, int], Words], limits: Limits = LIMITS) -> Job[Words, Words]:
    return Job(f"{__name__}:{name}", "the test", Words, Words, work, limits)


def _break() -> None:
    raise RuntimeError("not today")


ECHO = _job("ECHO", echo)
TELL = _job("TELL", tell)
ATTEMPT = _job("ATTEMPT", attempt)
LOAD = Job(
    name=f"{__name__}:LOAD",
    subject="the test",
    question=Words,
    answer=Words,
    work=load,
    limits=Limits(cpu_seconds=30, memory_bytes=1 << 30, deadline_seconds=60.0),
    prepare=GUEST.prepare,
)
END = _job("END", end)
HURRY = _job("HURRY", end, HURRIED)
SLOW = _job("SLOW", end, LATE)
SPOIL = _job("SPOIL", spoil)
NAP = _job("NAP", nap)
LOADED = _job("LOADED", loaded)
REFUSE = _job("REFUSE", refuse)
UNPREPARED = Job(f"{__name__}:UNPREPARED", "the test", Words, Words, echo, LIMITS, _break)
