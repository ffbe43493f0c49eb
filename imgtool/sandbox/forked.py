"""A process that the server forked for imgtool: it is begun, ended, and how it ended is told."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from imgtool.sandbox import handle
from imgtool.util import fork_server, interrupts

SERVER_SECONDS = 60.0
"""It answers in milliseconds; what it loads for a job takes a tenth of a second."""
DYING_SECONDS = 2.0
"""From the closing of its last channel to a process's end."""
STATUS_SECONDS = 1.0
"""From the end of a process to the server's word of it, which takes a millisecond."""


class ServerEndedError(Exception):
    """The server ended before it forked what it was asked for."""


class Forked:
    """It never outlives the block that it was begun in."""

    def __init__(self) -> None:
        self.status: int | None = None
        """After its end, where anybody can tell it; negative: the signal."""
        self.was_lost = False
        """It was killed with its server, for what another one did or did not do."""
        self._process = -1
        self._server = 0

    def begin(self, request: Callable[[socket.socket], socket.socket], ending: ExitStack) -> dict[str, Any]:
        """Have it forked, and return what the server answers, which is its `failure` where there is none.

        `request` asks for it by the server's channel, and returns the control socket; `ending` ends it. Where
        this is interrupted, or the server does not answer, the server goes, and all that it forked with it.
        Raises ServerEndedError.
        """
        with handle.state.lock:
            channel = handle.running_channel()
            self._server = handle.state.server
            try:
                channel.settimeout(SERVER_SECONDS)
                control = ending.enter_context(request(channel))
                _await(control)
                with interrupts.deferred():
                    answer, descriptors = fork_server.hear(control)
                    if descriptors:
                        (self._process,) = descriptors
                        ending.callback(self.end, control)
            except (OSError, ValueError) as error:
                handle.state.lost = self._server
                handle.drop()
                raise ServerEndedError from error
            except BaseException:
                handle.state.lost = self._server
                handle.drop(at_once=True)
                raise
        return answer

    def await_end(self, seconds: float = DYING_SECONDS) -> bool:
        """Wait until it has ended, but no longer than that."""
        return handle.has_ended(self._process, seconds)

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


def _await(control: socket.socket) -> None:
    """Wait for the server's answer, which can be interrupted. Raises TimeoutError."""
    control.settimeout(SERVER_SECONDS)
    if not handle.is_readable(control.fileno(), SERVER_SECONDS):
        raise TimeoutError
