"""The process that sandboxes are forked from. It reads no byte of an image, and has one thread.

A sandbox has what its parent has in memory. This one was forked before imgtool read a password or made a
connection, and has no environment; so a reader that a hostile image takes over finds nothing to give away.
It ends with imgtool: when the channel between them is closed.
"""

import gc
import importlib
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import NoReturn

from imgtool.sandbox import become, job, kernel, modules, protocol, seccomp
from imgtool.sandbox.child import FIRST, arrange, become_child
from imgtool.util import codec
from imgtool.util.fork_server import ForkServer, Message

KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "MAGIC")
"""Where libraries, and libmagic's database, are looked for."""


def become_server(channel: int, *, with_parent: bool) -> NoReturn:
    """Serve until `channel` is closed. ENDING_SIGNALS are blocked when this is called.

    `with_parent`: end with the thread that forked this too, which it has to be safe to do.
    """
    try:
        if with_parent:
            kernel.die_with_parent(signal.SIGKILL)  # a stopped process does not see its channel closed
        gc.freeze()  # nothing of imgtool's is collected: its objects may own descriptors that are others' now
        os.setsid()  # out of imgtool's session: ^C is imgtool's to answer
        arrange([channel])
        os.chdir("/")
        kernel.wipe_environment(KEPT_ENVIRONMENT)
        _Server(socket.socket(fileno=FIRST)).serve()
    finally:
        os._exit(0)


class _Server(ForkServer):
    """A request has `job`, its name, and `modules`, which the next sandboxes are likely to need.

    Or it has `program`: what to become (become.py).

    The descriptors of a job: the sandbox's channel, and what it is to read.
    """

    def prepare(self, message: Message) -> None:
        """Load the modules, and what the job needs."""
        if "program" in message:
            become.prepare()
            return
        for name in message["modules"]:
            if name in modules.warmable():
                with suppress(ImportError):
                    importlib.import_module(name)
        wanted = job.find(message["job"])
        wanted.prepare()
        codec.expect(wanted.question)  # it and the filter are made here, and not in each sandbox anew
        seccomp.program()

    def become_child(self, server: int, message: Message, descriptors: Sequence[int]) -> NoReturn:
        """Be a sandbox, or a program that runs in one."""
        if "program" in message:
            become.become(message["program"], server, descriptors)
        become_child(job.find(message["job"]), server, descriptors)

    def failure(self, error: Exception) -> object:
        """Tell why there is no sandbox, as one tells why it has no answer."""
        return asdict(protocol.Failure.of(error))
