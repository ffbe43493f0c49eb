"""imgtool's side of a sandbox: asks, waits no longer than it should, and sees to it that nothing is left."""

import os
import signal
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any

from imgtool.sandbox import handle, modules, protocol
from imgtool.sandbox.job import A, Job, Q, SandboxFailedError
from imgtool.sandbox.protocol import EXPECTED, Failure
from imgtool.util import codec, fork_server, interrupts
from imgtool.util.text import printable

SERVER_SECONDS = 60.0
"""It answers in milliseconds; what it loads for a job takes a tenth of a second."""
DYING_SECONDS = 2.0
"""From the closing of a sandbox's channel to its end."""
STATUS_SECONDS = 1.0
"""From the end of a sandbox to the server's word of it, which takes a millisecond."""


ATTEMPTS = 3
"""At one question: a server that another thread had to kill takes the sandboxes of all threads with it."""


def ask(job: Job[Q, A], question: Q, descriptor: int) -> A:
    """The answer of a sandbox that has `descriptor` and no other file. Threads may ask side by side.

    Raises SandboxFailedError where there is none, and what `job` itself raises for what it reads.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        ours, theirs = socket.socketpair()
        sandbox = _Sandbox()
        with ours, theirs, ExitStack() as ending:
            sandbox.begin(job, theirs, descriptor, ending)
            theirs.close()
            try:
                return _converse(job, question, ours)
            except protocol.ClosedError:
                sandbox.await_end()
                reason = ""
            except TimeoutError:
                reason = f"took longer than {job.limits.deadline_seconds:.0f} seconds, and was killed"
            except protocol.TooLargeError as error:
                reason = f"gave an answer of more than {error.most_bytes} bytes"
            except codec.CodecError as error:
                reason = f"gave an answer that makes no sense ({error})"
        if reason or not sandbox.was_lost:
            break
    raise _failed(job, reason or _how(sandbox.status, job))


def _converse(job: Job[Q, A], question: Q, channel: socket.socket) -> A:
    deadline = time.monotonic() + job.limits.deadline_seconds
    protocol.send(channel, protocol.QUESTION, codec.to_json(question), deadline)
    codec.expect(job.answer)
    sent_bytes = 0
    for _ in range(modules.MAX_MODULES):
        kind, content = protocol.receive(channel, deadline)
        if kind == protocol.ANSWER:
            return codec.from_json(content, job.answer)
        if kind == protocol.FAILURE:
            raise _error(job, codec.from_json(content, Failure))
        if kind != protocol.MODULE:
            raise codec.CodecError("of a kind that nobody knows")
        code = modules.code_of(content)
        sent_bytes += len(code)
        if sent_bytes > modules.MAX_CODE_BYTES:
            break
        protocol.send(channel, protocol.CODE, code, deadline)
        _remember(content)
    raise codec.CodecError("it asks for modules without end")


def _remember(module: bytes) -> None:
    """Remember for the next sandbox what this one asked for: only what is on a list that it cannot change."""
    name = module.decode("ascii", "replace")
    if name in modules.warmable():
        with handle.state.lock:
            handle.state.asked.add(name)


class _Sandbox:
    """A process that the server forked for us. It never outlives the block that it was begun in."""

    def __init__(self) -> None:
        self.status: int | None = None
        """After its end, where anybody can tell it; negative: the signal."""
        self.was_lost = False
        """It was killed with its server, for what another one did or did not do."""
        self._process = -1
        self._server = 0

    def begin(self, job: Job[Any, Any], theirs: socket.socket, descriptor: int, ending: ExitStack) -> None:
        """Have it forked, with `theirs` and `descriptor` open; `ending` ends it.

        Where this is interrupted, or the server does not answer, the server goes, and its sandboxes with it.
        """
        with handle.state.lock:
            channel = handle.running_channel()
            self._server = handle.state.server
            try:
                control = ending.enter_context(_request(job, channel, theirs, descriptor))
                _await(control)
                with interrupts.deferred():
                    answer, descriptors = fork_server.hear(control)
                    if descriptors:
                        (self._process,) = descriptors
                        ending.callback(self.end, control)
            except (OSError, ValueError) as error:
                handle.state.lost = self._server
                handle.drop()
                raise _failed(job, "could not be started: what starts it has ended") from error
            except BaseException:
                handle.state.lost = self._server
                handle.drop(at_once=True)
                raise
            handle.state.asked.clear()  # they are loaded there now
        if "failure" in answer:
            raise _error(job, Failure(**answer["failure"]))

    def await_end(self) -> None:
        """It closed its channel, so it is about to end: how, is for it to say."""
        handle.has_ended(self._process, DYING_SECONDS)

    def end(self, control: socket.socket) -> None:
        """Kill it, whatever it does, and wait for it; no longer than it takes, whatever the server does."""
        with interrupts.deferred():
            handle.kill(self._process)
            os.close(self._process)
            try:
                control.settimeout(STATUS_SECONDS)
                self.status = fork_server.hear(control)[0]["status"]
            except (OSError, ValueError, KeyError):
                with handle.state.lock:
                    self.was_lost = handle.state.lost == self._server
                    if handle.state.server == self._server:
                        handle.state.lost = self._server
                        handle.drop(at_once=True)


def _request(
    job: Job[Any, Any], channel: socket.socket, theirs: socket.socket, descriptor: int
) -> socket.socket:
    """Ask the server for a sandbox; return our end of its control socket."""
    message = {"job": job.name, "modules": sorted(handle.state.asked)}
    channel.settimeout(SERVER_SECONDS)
    return fork_server.request(channel, message, [theirs.fileno(), descriptor])


def _await(control: socket.socket) -> None:
    """Wait for the server's answer, which can be interrupted. Raises TimeoutError."""
    control.settimeout(SERVER_SECONDS)
    if not handle.is_readable(control.fileno(), SERVER_SECONDS):
        raise TimeoutError


def _error(job: Job[Any, Any], failure: Failure) -> Exception:
    expected = EXPECTED.get(failure.code)
    if expected is not None:
        return expected(printable(failure.message), hint=printable(failure.hint))
    failed = _failed(job, f"failed ({printable(failure.message)})")
    if failure.code == protocol.OUT_OF_MEMORY:
        failed.__cause__ = MemoryError()  # a batch tells that otherwise
    return failed


def _failed(job: Job[Any, Any], reason: str) -> SandboxFailedError:
    return SandboxFailedError(f"{job.subject} cannot be read: its reader {reason}")


def _how(status: int | None, job: Job[Any, Any]) -> str:
    """How a sandbox ended that gave no answer."""
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
