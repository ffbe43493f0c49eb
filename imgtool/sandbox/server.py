"""The process that sandboxes are forked from. It reads no byte of an image, and has one thread.

A sandbox has what its parent has in memory. This one was forked before imgtool read a password or made a
connection, and has no environment; so a reader that a hostile image takes over finds nothing to give away.
It ends with imgtool: when the channel between them is closed.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from imgtool.sandbox import job, kernel, modules, protocol, wire
from imgtool.sandbox.child import FIRST, arrange, become_child

MAX_REQUEST_BYTES = 64 << 10
PASSED = 2
"""Descriptors that come with a request: the sandbox's channel, and what it is to read."""
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "MAGIC")
"""Where libraries, and libmagic's database, are looked for."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def become_server(channel: int, *, with_parent: bool) -> NoReturn:
    """Serve until `channel` is closed. ENDING_SIGNALS are blocked when this is called.

    `with_parent`: end with the thread that forked this too, which it has to be safe to do.
    """
    try:
        if with_parent:
            kernel.die_with_parent(signal.SIGKILL)  # a stopped process does not see its channel closed
        gc.freeze()  # nothing of imgtool's is collected: its objects may own descriptors that are others' now
        _leave(channel)
        serve(socket.socket(fileno=FIRST))
    finally:
        os._exit(0)


def _leave(channel: int) -> None:
    """Out of imgtool's session: ^C is imgtool's to answer."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    arrange([channel])
    os.chdir("/")
    kernel.wipe_environment(KEPT_ENVIRONMENT)


def serve(channel: socket.socket) -> None:
    """A sandbox for each request, one after the other.

    A request is JSON, `job` (its name) and `modules` (to be loaded before), with PASSED descriptors. The
    answer is `pid`, with a descriptor of that process, and `status` when it has ended; or `failure` alone.
    To `prepare`, the name of a job that is likely to be asked for, there is no answer.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, PASSED)
        if not message:
            return
        request = json.loads(message)
        if "prepare" in request:
            with suppress(Exception):  # it is told to whoever asks for that job
                job.find(request["prepare"]).prepare()
            continue
        try:
            wanted = _prepare(request)
            sandbox = _fork(wanted, descriptors)
        except Exception as error:  # imgtool tells it
            _tell(channel, {"failure": json.loads(wire.to_json(protocol.Failure.of(error)))})
            continue
        finally:
            for one in descriptors:
                os.close(one)
        _attend(channel, *sandbox)


def _prepare(request: dict[str, Any]) -> "job.Job[Any, Any]":
    for name in request["modules"]:
        if name in modules.warmable():
            with suppress(ImportError):
                importlib.import_module(name)
    wanted = job.find(request["job"])
    wanted.prepare()
    return wanted


def _fork(wanted: "job.Job[Any, Any]", descriptors: Sequence[int]) -> tuple[int, int]:
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        become_child(wanted, server, descriptors)
    return pid, os.pidfd_open(pid)


def _attend(channel: socket.socket, pid: int, sandbox: int) -> None:
    """Until it has ended; at once where imgtool has."""
    try:
        socket.send_fds(channel, [json.dumps({"pid": pid}).encode()], [sandbox])
        poller = select.poll()
        poller.register(sandbox, select.POLLIN)
        poller.register(channel, select.POLLIN)
        if sandbox not in dict(poller.poll()):  # imgtool says nothing before the end, but for its own
            signal.pidfd_send_signal(sandbox, signal.SIGKILL)
    except OSError:
        signal.pidfd_send_signal(sandbox, signal.SIGKILL)
    finally:
        os.close(sandbox)
    _, status = os.waitpid(pid, 0)
    _tell(channel, {"status": os.waitstatus_to_exitcode(status)})


def _tell(channel: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):  # imgtool has ended: so does this, with the next request that does not come
        channel.send(json.dumps(message).encode())
