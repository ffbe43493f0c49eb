"""The first steps of a forked child: out of the server, into a session and limits of its own."""

import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from imgtool.box import kernel
from imgtool.errors import EXIT_BUG

STREAMS = 3
"""stdin, stdout, stderr: the first descriptors that come with a request."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OOM_SCORE = "500"
"""The kernel, when it has no memory left, is to choose a child, and not the one that keeps the journal."""


def become_child(
    server: int, request: dict[str, Any], descriptors: list[int], run: Callable[[], int]
) -> NoReturn:
    """Call `run` and end with its status. `descriptors`: the streams, then what is only kept open.

    `request` has `environment`, to be added, and `address_space_bytes`, the limit (RLIMIT_AS).
    """
    status = EXIT_BUG
    try:
        _leave(server, descriptors)
        _limit(request)
        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _leave(server: int, descriptors: list[int]) -> None:
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != server:  # it ended before the kernel was told
        os._exit(EXIT_BUG)
    signal.set_wakeup_fd(-1)
    for number in (*ENDING_SIGNALS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for stream, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, stream)
    _close_all_but({0, 1, 2, *descriptors[STREAMS:]})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _close_all_but(kept: set[int]) -> None:
    """Other children's sockets above all: they have to be closed when their owners close them."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        if int(name) not in kept:
            with suppress(OSError):
                os.close(int(name))


def _limit(request: dict[str, Any]) -> None:
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it was found out for the server
    limit = request["address_space_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write(_OOM_SCORE)
