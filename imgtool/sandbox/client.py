"""imgtool's side of a sandbox: asks, waits no longer than it should, and sees to it that nothing is left."""

import signal
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any

from imgtool.sandbox import handle, modules, protocol
from imgtool.sandbox.forked import Forked, ServerEndedError
from imgtool.sandbox.job import A, Job, Q, SandboxFailedError
from imgtool.sandbox.protocol import EXPECTED, Failure
from imgtool.util import codec, fork_server
from imgtool.util.text import printable

ATTEMPTS = 3
"""At one question: a server that another thread had to kill takes the sandboxes of all threads with it."""


def ask(job: Job[Q, A], question: Q, descriptor: int) -> A:
    """The answer of a sandbox that has `descriptor` and no other file. Threads may ask side by side.

    Raises SandboxFailedError where there is none, and what `job` itself raises for what it reads.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        ours, theirs = socket.socketpair()
        sandbox = Forked()
        with ours, theirs, ExitStack() as ending:
            _begin(sandbox, job, theirs, descriptor, ending)
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


def _begin(
    sandbox: Forked, job: Job[Any, Any], theirs: socket.socket, descriptor: int, ending: ExitStack
) -> None:
    """Have it forked, with `theirs` and `descriptor` open; `ending` ends it."""
    try:
        answer = sandbox.begin(lambda channel: _request(job, channel, theirs, descriptor), ending)
    except ServerEndedError as error:
        raise _failed(job, "could not be started: what starts it has ended") from error
    if "failure" in answer:
        raise _error(job, Failure(**answer["failure"]))


def _request(
    job: Job[Any, Any], channel: socket.socket, theirs: socket.socket, descriptor: int
) -> socket.socket:
    """Ask the server for a sandbox; return our end of its control socket.

    The modules that are named to it are loaded there from then on.
    """
    message = {"job": job.name, "modules": sorted(handle.state.asked)}
    handle.state.asked.clear()
    return fork_server.request(channel, message, [theirs.fileno(), descriptor])


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
