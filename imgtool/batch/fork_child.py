"""The process that has loaded everything, and the first steps of what it forks: one child for each image.

Loading imgtool and openstacksdk takes half a second of CPU time; a fork takes some milliseconds. Each child
still is a process with a session and limits of its own. All end with the process that started the server: the
kernel kills them (prctl(2), PR_SET_PDEATHSIG), whatever they are doing.
"""

import gc
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from imgtool.errors import EXIT_BUG
from imgtool.sandbox import kernel
from imgtool.util.fork_server import ENDING_SIGNALS, ForkServer, Message, close_all_but
from imgtool.util.redaction import redact, secrets_of

STREAMS = 3
"""stdin, stdout, stderr: the first descriptors that come with a request; others are only kept open."""

_OOM_SCORE = "500"
"""The kernel, when it has no memory left, is to choose a child, and not the one that keeps the journal."""


def serve(channel: socket.socket, run: Callable[[], int]) -> None:
    """Fork a child that calls `run`, which gives its exit status, for each request that comes by `channel`.

    A request has `environment`, to be added, and `address_space_bytes`, the limit (RLIMIT_AS).
    """
    gc.collect()
    gc.freeze()  # so that the children's collector leaves the shared pages alone
    _Server(channel, run).serve()


class _Server(ForkServer):
    def __init__(self, channel: socket.socket, run: Callable[[], int]) -> None:
        super().__init__(channel)
        self._run = run

    def become_child(self, server: int, message: Message, descriptors: Sequence[int]) -> NoReturn:
        """Call `run` and end with its status."""
        status = EXIT_BUG
        try:
            _leave(server, descriptors)
            _limit(message)
            status = self._run()
        except BaseException:
            sys.stderr.write(redact(traceback.format_exc(), secrets_of(os.environ)))
        finally:
            with suppress(OSError):
                sys.stderr.flush()
            os._exit(status)


def _leave(server: int, descriptors: Sequence[int]) -> None:
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != server:  # it ended before the kernel was told
        os._exit(EXIT_BUG)
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    for stream, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, stream)
    close_all_but({0, 1, 2, *descriptors[STREAMS:]})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _limit(message: Message) -> None:
    os.environ.update(message["environment"])
    tempfile.tempdir = None  # it was found out for the server
    limit = message["address_space_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Once a child: no pathlib.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write(_OOM_SCORE)
