"""A guest that runs. Its console is read all the time: one whose console nobody reads stands still."""

import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

from imgtool.boot.agent import AgentChannel, AgentError
from imgtool.boot.console import ConsoleLog
from imgtool.errors import ImageUnreadableError, ToolFailedError
from imgtool.model.facts import Unknown
from imgtool.process.confined import Access, background
from imgtool.process.programs import KEPT_STDERR_BYTES, Child, Limits
from imgtool.util.text import last_line, printable

MAX_WRITTEN_BYTES = 16 << 30
"""The most that QEMU may write to a file: where the guest writes more, it sees a failing disk."""

_LOCKED = b'Failed to get shared "write" lock'
"""QEMU, block/file-posix.c."""

_READ_BYTES = 64 << 10
_LIMITS = Limits(file_size_bytes=MAX_WRITTEN_BYTES, core_bytes=0)


class Guest:
    """QEMU, the guest's console and its agent."""

    def __init__(
        self, child: Child, console: socket.socket, agent: socket.socket, keep: TextIO | None = None
    ) -> None:
        self._child = child
        self._began = time.monotonic()
        self._said = bytearray()
        self.gave_up = False
        """The last command had no answer: one that came now would be taken for the next one's."""
        self.log = ConsoleLog(self.seconds, keep)
        self.agent = AgentChannel(agent)
        self._console = console
        self._selector = selectors.DefaultSelector()
        self._watch(console.fileno(), self.log.feed)
        self._watch(agent.fileno(), self.agent.take)
        if child.stderr is not None:
            self._watch(child.stderr.fileno(), self._hear)

    def seconds(self) -> float:
        """Since power-on."""
        return time.monotonic() - self._began

    @property
    def running(self) -> bool:
        """Whether QEMU is there. Raises ToolFailedError where it ended by an error of its own.

        Raises ImageUnreadableError where that was another program's lock on the image.
        """
        status = self._child.poll()
        if status is not None:
            self._read_the_rest()
        if status and _LOCKED in self._said:
            raise ImageUnreadableError(
                "another program has it open for writing", hint="switch off the virtual machine that uses it"
            )
        if status:
            ending = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
            raise ToolFailedError(f"QEMU {ending}: {self._last_words()}")
        return status is None

    def turn(self, seconds: float) -> None:
        """Read what comes within `seconds`; returns after the first that does. Raises AgentError."""
        for key, _ in self._selector.select(max(seconds, 0)):
            key.data()

    def ask(self, command: str, seconds: float) -> Any | Unknown:
        """What the agent returns for a command; Unknown, with the reason, where it does not."""
        deadline = self.seconds() + seconds
        self.gave_up = False
        self.agent.ask(command)
        try:
            while self.running and self.seconds() < deadline:
                if (answer := self.agent.answer()) is not None:
                    return answer
                self.turn(deadline - self.seconds())
        except AgentError as error:
            return Unknown(f"{command}: {printable(str(error))}")
        self.gave_up = True
        return Unknown(f"{command}: no answer")

    def type(self, line: str) -> None:
        """Write a line on its console. A guest that reads nothing gets as much as the socket holds."""
        with suppress(OSError):
            self._console.send(f"{line}\n".encode())

    def close(self) -> None:
        """Read no more; what is unfinished on the console is its last line."""
        self.log.close()
        self._selector.close()

    def _watch(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        def read() -> None:
            try:
                content = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                content = b""
            if content:
                take(content)
            else:
                self._selector.unregister(descriptor)

        self._selector.register(descriptor, selectors.EVENT_READ, read)

    def _read_the_rest(self) -> None:
        """What is left in the pipes: QEMU writes no more, so that each of them ends."""
        while self._selector.get_map() and (ready := self._selector.select(0)):
            for key, _ in ready:
                key.data()

    def _hear(self, content: bytes) -> None:
        self._said += content
        del self._said[:-KEPT_STDERR_BYTES]

    def _last_words(self) -> str:
        return last_line(bytes(self._said)) or "it said nothing"


@contextmanager
def started(
    emulator: str,
    arguments: Callable[[int, int], Sequence[str]],
    access: Access,
    keep: TextIO | None = None,
) -> Iterator[Guest]:
    """A guest, powered on, as long as the block lasts; nothing of it stays.

    `arguments` makes QEMU's, given the descriptors of its ends of the console and of the agent's channel.
    """
    with ExitStack() as stack:
        console, its_console = _pair(stack)
        agent, its_agent = _pair(stack)
        ends = its_console.fileno(), its_agent.fileno()
        argv = [emulator, *arguments(*ends)]
        child = stack.enter_context(background(argv, access, limits=_LIMITS, inherited=ends))
        # Now they are open in the child only: where it goes, we see the end.
        its_console.close()
        its_agent.close()
        guest = Guest(child, console, agent, keep)
        try:
            yield guest
        finally:
            guest.close()


def _pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, its = socket.socketpair()
    stack.enter_context(ours)
    stack.enter_context(its)
    ours.settimeout(0)
    return ours, its
