"""imgtool's side of the server: starts it, ends it, and never waits for it without a bound.

A process that was stopped (SIGSTOP) answers nothing and does not end when its channel is closed; SIGKILL
ends it all the same. Both it and its sandboxes are known by a descriptor (pidfd_open(2)): a number could be
another process's by then.
"""

import atexit
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock, current_thread, main_thread
from typing import NoReturn

from imgtool.sandbox.job import SandboxFailedError
from imgtool.util import interrupts
from imgtool.util.fork_server import ENDING_SIGNALS

LOCK_SECONDS = 1.0
"""For a thread that has a sandbox just now, when all is to end."""
ENDING_SECONDS = 0.5
"""From the closing of the server's channel to its end, which takes a millisecond."""
KILLING_SECONDS = 1.0
"""From SIGKILL to the end of a process. One that waits for a device can take longer: it is left."""


@dataclass(slots=True)
class State:
    """What this process knows of its server."""

    channel: socket.socket | None = None
    server: int = 0
    process: int = -1
    """A descriptor of the server."""
    lost: int = 0
    """The last server that was let go in the midst of work: whatever sandboxes it had went with it."""
    asked: set[str] = field(default_factory=set)
    """Modules that sandboxes asked for, and that the next one is likely to need: of `modules.warmable`."""
    lock: Lock = field(default_factory=Lock)


state = State()


def start(job: str | None = None) -> None:
    """Fork the server, unless it runs: before any thread does, and before a password is in memory.

    It loads what the job of that name (`job.Job.name`) needs while this process does something else. Raises
    SandboxFailedError where no process can be forked.
    """
    with state.lock:
        channel = running_channel()
        if job is not None:
            with suppress(OSError):  # who asks for a sandbox next is told that the server has ended
                channel.send(json.dumps({"job": job, "modules": []}).encode())


def stop() -> None:
    """End the server and wait for it: what sandboxes used then counts as this process's children's.

    A thread that waits for a sandbox just now gets SandboxFailedError.
    """
    with interrupts.deferred():
        if state.lock.acquire(timeout=LOCK_SECONDS):
            try:
                drop()
            finally:
                state.lock.release()
        elif state.process >= 0:
            kill(state.process)


def is_running() -> bool:
    """The server has been forked."""
    return state.channel is not None


@contextmanager
def running() -> Iterator[None]:
    """A block with the server there, from its beginning; it is gone afterwards."""
    start()
    try:
        yield
    finally:
        stop()


def running_channel() -> socket.socket:
    """The channel to the server, which is started where there is none. Raises SandboxFailedError."""
    if state.channel is not None:
        return state.channel
    with interrupts.deferred():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                state.server = _fork(theirs)
                state.process = os.pidfd_open(state.server)
            except OSError as error:
                ours.close()
                raise SandboxFailedError(f"no process can be started: {error.strerror}") from error
        state.channel = ours
        return ours


def _fork(theirs: socket.socket) -> int:
    lasts = current_thread() is main_thread()  # the kernel counts a thread's end as its parent's
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)  # until the server ignores them
    try:
        pid = os.fork()
        if pid == 0:
            _become_server(theirs.fileno(), with_parent=lasts)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _become_server(channel: int, *, with_parent: bool) -> NoReturn:
    try:
        # What only a server needs it loads itself, while imgtool loads something else.
        from imgtool.sandbox.server import become_server  # noqa: PLC0415 - see above

        become_server(channel, with_parent=with_parent)
    finally:
        os._exit(0)


def drop(*, at_once: bool = False) -> None:
    """Let the server go: it ends when its channel is closed. Kill it where it does not, or `at_once`."""
    if state.channel is None:
        return
    with interrupts.deferred():
        state.channel.close()
        state.channel = None
        if at_once or not has_ended(state.process, ENDING_SECONDS):
            _kill_with_sandboxes()
            has_ended(state.process, KILLING_SECONDS)
        os.close(state.process)
        state.process = -1
        with suppress(ChildProcessError):
            os.waitpid(state.server, os.WNOHANG)


def _kill_with_sandboxes() -> None:
    """SIGKILL for the server and its process group, which its sandboxes are in.

    A sandbox that was stopped as soon as it was forked has not told the kernel yet that it ends with the
    server. Nobody has waited for the server, so that its number is still its own.
    """
    with suppress(ProcessLookupError):
        os.killpg(state.server, signal.SIGKILL)
    kill(state.process)


def kill(process: int) -> None:
    """SIGKILL, which a stopped process gets too; `process` is a descriptor."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGKILL)


def has_ended(process: int, seconds: float) -> bool:
    """Wait for the end of a process, but no longer than that; `process` is a descriptor."""
    return is_readable(process, seconds)


def is_readable(descriptor: int, seconds: float) -> bool:
    """Wait until something can be read, but no longer than that."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def _forget() -> None:
    """Forget the server in a fork of this process: it is the parent's."""
    global state  # noqa: PLW0603 - the lock may be held by a thread that is not here
    if state.channel is not None:
        state.channel.close()
        os.close(state.process)
    state = State()


os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
