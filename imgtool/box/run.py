"""imgtool's side of the box: asks, waits no longer than it should, and sees to it that nothing is left."""

import atexit
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from threading import Lock, current_thread, main_thread
from typing import Any

from imgtool import interrupts
from imgtool.box import frames, modules, wire
from imgtool.box.frames import EXPECTED, Failure
from imgtool.box.job import A, BoxFailedError, Job, Q
from imgtool.box.server import ENDING_SIGNALS, become_server
from imgtool.text import printable

SERVER_SECONDS = 60.0
"""It answers in milliseconds; what it loads for a job takes a tenth of a second."""
DYING_SECONDS = 2.0
"""From the closing of a box's channel to its end."""


@dataclass(slots=True)
class _State:
    """Of this process."""

    channel: socket.socket | None = None
    server: int = 0
    asked: set[str] = field(default_factory=set)
    """Modules that boxes asked for, and that the next one is likely to need."""
    lock: Lock = field(default_factory=Lock)


_state = _State()


def start() -> None:
    """Fork the server, unless it runs: before any thread does, and before a password is in memory.

    Raises BoxFailedError where no process can be forked.
    """
    with _state.lock:
        _running()


def stop() -> None:
    """End the server and wait for it: what boxes used then counts as this process's children's.

    A thread that waits for a box just now goes on; the server then ends with this process.
    """
    if not _state.lock.acquire(timeout=DYING_SECONDS):
        return
    try:
        with _uninterrupted():
            _drop()
    finally:
        _state.lock.release()


def is_running() -> bool:
    """The server has been forked."""
    return _state.channel is not None


@contextmanager
def running() -> Iterator[None]:
    """A block with the server there, from its beginning; it is gone afterwards."""
    start()
    try:
        yield
    finally:
        stop()


def ask(job: Job[Q, A], question: Q, descriptor: int) -> A:
    """The answer of a box that has `descriptor` and no other file.

    Raises BoxFailedError where there is none, and what `job` itself raises for what it reads.
    """
    with _state.lock:
        ours, theirs = socket.socketpair()
        box = _Box()
        with ours, theirs, ExitStack() as ending:
            with _uninterrupted():
                box.begin(job, theirs, descriptor)
                ending.callback(box.end)
            theirs.close()
            try:
                return _converse(job, question, ours)
            except frames.ClosedError:
                box.await_end()
                reason = ""
            except TimeoutError:
                reason = f"took longer than {job.limits.deadline_seconds:.0f} seconds, and was killed"
            except frames.TooLargeError:
                reason = f"gave an answer of more than {frames.MAX_FROM_BOX_BYTES} bytes"
            except wire.WireError as error:
                reason = f"gave an answer that makes no sense ({error})"
    raise _failed(job, reason or _how(box.status, job))


def _converse(job: Job[Q, A], question: Q, channel: socket.socket) -> A:
    deadline = time.monotonic() + job.limits.deadline_seconds
    frames.send(channel, frames.QUESTION, wire.to_json(question), deadline)
    for _ in range(modules.MAX_MODULES):
        kind, content = frames.receive(channel, deadline)
        if kind == frames.ANSWER:
            return wire.from_json(content, job.answer)
        if kind == frames.FAILURE:
            raise _error(job, wire.from_json(content, Failure))
        if kind != frames.MODULE:
            raise wire.WireError("of a kind that nobody knows")
        frames.send(channel, frames.CODE, modules.code_of(content), deadline)
        _remember(content)
    raise wire.WireError("it asks for modules without end")


def _remember(module: bytes) -> None:
    name = module.decode("ascii", "replace")
    if name.startswith(modules.WARM):
        _state.asked.add(name)


def _uninterrupted() -> AbstractContextManager[None]:
    """Only the main thread is ever interrupted (interrupts.py)."""
    return interrupts.deferred() if current_thread() is main_thread() else nullcontext()


class _Box:
    """A process that the server forked for us. Nothing may interrupt between its beginning and noting it."""

    def __init__(self) -> None:
        self.status: int | None = None
        """After its end, where anybody can tell it; negative: the signal."""
        self._process = -1

    def begin(self, job: Job[Any, Any], theirs: socket.socket, descriptor: int) -> None:
        """Have it forked, with `theirs` and `descriptor` open."""
        request = {"job": job.name, "modules": sorted(_state.asked)}
        channel = _running()
        try:
            socket.send_fds(channel, [json.dumps(request).encode()], [theirs.fileno(), descriptor])
            message, descriptors, _, _ = socket.recv_fds(channel, 64 << 10, 1)
            answer = json.loads(message)
        except (OSError, ValueError) as error:
            _drop()
            raise _failed(job, "could not be started: what starts it has ended") from error
        _state.asked.clear()  # they are loaded there now
        if "failure" in answer:
            raise _error(job, Failure(**answer["failure"]))
        self._process = descriptors[0]

    def await_end(self) -> None:
        """It closed its channel, so it is about to end: how, is for it to say."""
        poller = select.poll()
        poller.register(self._process, select.POLLIN)
        poller.poll(DYING_SECONDS * 1000)

    def end(self) -> None:
        """Kill it, whatever it does, and wait for it."""
        with _uninterrupted():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            assert _state.channel is not None  # noqa: S101 - the box came by it
            try:
                self.status = json.loads(_state.channel.recv(1 << 10))["status"]
            except (OSError, ValueError, KeyError):
                _drop()


def _running() -> socket.socket:
    """The channel to the server, which is started where there is none."""
    if _state.channel is not None:
        return _state.channel
    with _uninterrupted():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)  # until the server ignores them
        try:
            pid = os.fork()
            if pid == 0:
                become_server(theirs.fileno())
        except OSError as error:
            ours.close()
            raise BoxFailedError(f"no process can be started: {error.strerror}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        ours.settimeout(SERVER_SECONDS)
        _state.channel, _state.server = ours, pid
        return ours


def _drop() -> None:
    """Let the server go: it ends when its channel is closed."""
    if _state.channel is None:
        return
    _state.channel.close()
    _state.channel = None
    with suppress(ChildProcessError):
        os.waitpid(_state.server, 0)


def _forget() -> None:
    """In a fork of this process: the server is its parent's."""
    global _state  # noqa: PLW0603 - the lock may be held by a thread that is not here
    if _state.channel is not None:
        _state.channel.close()
    _state = _State()


os.register_at_fork(after_in_child=_forget)
atexit.register(stop)


def _error(job: Job[Any, Any], failure: Failure) -> Exception:
    expected = EXPECTED.get(failure.code)
    if expected is not None:
        return expected(printable(failure.message), hint=printable(failure.hint))
    failed = _failed(job, f"failed ({printable(failure.message)})")
    if failure.code == frames.OUT_OF_MEMORY:
        failed.__cause__ = MemoryError()  # a batch tells that otherwise
    return failed


def _failed(job: Job[Any, Any], reason: str) -> BoxFailedError:
    return BoxFailedError(f"{job.subject} cannot be read: its reader {reason}")


def _how(status: int | None, job: Job[Any, Any]) -> str:
    """How a box ended that gave no answer."""
    if status is None or status >= 0:
        return "ended without an answer"
    if -status == signal.SIGXCPU:
        return f"used more than {job.limits.cpu_seconds} seconds of CPU time, and was killed"
    if -status == signal.SIGKILL:
        return "was killed: it may have used too much CPU time, or the machine has no memory left"
    return f"was killed by signal {-status} ({_name(-status)})"


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return "unknown"
