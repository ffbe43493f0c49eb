"""A program that the sandbox's server starts (sandbox/become.py): imgtool's side."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO

from imgtool.errors import ToolFailedError
from imgtool.sandbox import SandboxFailedError
from imgtool.sandbox.become import Program, request
from imgtool.sandbox.forked import Forked, ServerEndedError
from imgtool.util.text import printable


class Served:
    """A kind of programs.Running."""

    def __init__(self, program: Program, inherited: Sequence[int], running: ExitStack) -> None:
        """Start it with the descriptors `inherited`; `running` ends it. Raises ToolFailedError."""
        self._name, self._forked = os.path.basename(program.argv[0]), Forked()  # noqa: PTH119 - a name
        with ExitStack() as passed:
            self.stdout, stdout = _pipe(running, passed)
            self.stderr, stderr = _pipe(running, passed)
            self._ending = running.enter_context(ExitStack())
            self._begin(program, [stdout, stderr, *inherited])

    def _begin(self, program: Program, descriptors: Sequence[int]) -> None:
        failed = f"{self._name} could not be started: "
        try:
            answer = self._forked.begin(lambda channel: request(channel, program, descriptors), self._ending)
        except (ServerEndedError, SandboxFailedError) as error:
            raise ToolFailedError(f"{failed}what starts it has ended") from error
        if "failure" in answer:
            raise ToolFailedError(failed + printable(answer["failure"]["message"]))

    def wait(self, timeout: float) -> int:
        """Return its status, negative: the signal. Raises TimeoutError, ToolFailedError."""
        if not self._forked.await_end(timeout):
            raise TimeoutError
        self._ending.close()
        if self._forked.status is None:
            raise ToolFailedError(f"{self._name} was killed, together with what had started it")
        return self._forked.status


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[IO[bytes], int]:
    """What is read from it, and the end that is written to: for as long as the two blocks last."""
    read, write = os.pipe()
    theirs.callback(os.close, write)
    return ours.enter_context(open(read, "rb", buffering=0)), write  # noqa: PTH123 - a descriptor
