"""Runs other programs; the only importer of subprocess.

Argument lists only, never a shell. The child has a session of its own, killed as a whole when the deadline
passes or anything is raised here, and dies with this process: `setpriv --pdeathsig` of util-linux asks the
kernel for it (prctl(2), PR_SET_PDEATHSIG), which needs no code between fork and exec.
"""

import os
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, Protocol

from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.util import install, interrupts, log
from imgtool.util.text import last_line, printable

MAX_STDOUT_BYTES = 16 << 20
"""Output beyond it is an error: what is read here is JSON of some KiB, and progress."""

KEPT_STDERR_BYTES = 64 << 10
"""Of stderr the end is kept: the reason for a failure stands last."""

MAX_PIECE_CHARACTERS = 4096
"""An unfinished line longer than this goes to `on_output` as it is."""

_PRLIMIT_NAMES = {
    resource.RLIMIT_CPU: "cpu",
    resource.RLIMIT_AS: "as",
    resource.RLIMIT_FSIZE: "fsize",
    resource.RLIMIT_CORE: "core",
}
_PIPE_READ_BYTES = 64 << 10
_REAP_SECONDS = 10.0

_NEEDED_FOR: Mapping[str, tuple[str, str]] = {
    "qemu-img": ("qemu-utils", "to read and convert disk images"),
    "qemu-io": ("qemu-utils", "to read and write disk images"),
    "qemu-system-x86_64": ("qemu-system-x86", "to boot an x86_64 image"),
    "qemu-system-aarch64": ("qemu-system-arm", "to boot an aarch64 image"),
    "setpriv": ("util-linux", "to end other programs together with imgtool"),
    "bwrap": ("bubblewrap", "to confine other programs where the kernel has no Landlock"),
    "prlimit": ("util-linux", "to limit what other programs use"),
}


Child = subprocess.Popen[bytes]
"""A program that runs beside us."""


class Running(Protocol):
    """A program that is waited for."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes."""

    @property
    def stderr(self) -> IO[bytes] | None:
        """Likewise."""

    def wait(self, timeout: float) -> int:
        """Return its status, negative: the signal. Raises subprocess.TimeoutExpired, TimeoutError."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use, by setrlimit(2); None is no limit."""

    cpu_seconds: int | None = None
    address_space_bytes: int | None = None
    file_size_bytes: int | None = None
    """Of each file that it writes."""
    core_bytes: int | None = None
    """Of a core dump."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that has ended. `stderr` is its end, at most KEPT_STDERR_BYTES."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def last_error_line(self) -> str:
        """The last line of stderr that is not blank, printable; empty where there is none."""
        return last_line(self.stderr)


def run(  # noqa: PLR0913 - each says one thing about the run
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    limits: Limits | None = None,
    on_output: Callable[[str], None] | None = None,
    accept: Collection[int] = (0,),
    inherited: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    name: Sequence[str] = (),
) -> Completed:
    """Run `argv` to its end with stdin closed and the C locale; it gets the descriptors `inherited`.

    `environment` is in place of ours; `name` are the words by which errors speak of it, where `argv` begins
    with another program that starts it.

    `on_output` receives stdout and stderr as they come, split at carriage returns and line feeds.
    Raises ToolMissingError where the program is not installed; ToolFailedError where it does not end within
    `timeout_seconds`, writes too much, or ends with a status that is not in `accept`.
    """
    starting = partial(start, argv, limits or Limits(), inherited, environment)
    return finish(
        name or argv,
        starting,
        timeout_seconds=timeout_seconds,
        limits=limits,
        on_output=on_output,
        accept=accept,
    )


def finish(  # noqa: PLR0913 - as `run`
    said: Sequence[str],
    starting: Callable[[ExitStack], Running],
    *,
    timeout_seconds: float,
    limits: Limits | None = None,
    on_output: Callable[[str], None] | None = None,
    accept: Collection[int] = (0,),
) -> Completed:
    """Run to its end what `starting` starts, which is named `said`. Raises as `run` does.

    `starting` is given what ends the program: whatever is raised here, by whomever, it is gone before this
    goes on.
    """
    began = time.monotonic()
    try:
        with ExitStack() as running:
            child = starting(running)
            completed = _collect(child, tuple(said), began + timeout_seconds, on_output)
    except TimeoutError:
        log.debug(__name__, f"{list(said)}: killed after {timeout_seconds:.0f} s", program=said[0])
        raise ToolFailedError(
            f"{_name(said)} did not end within {timeout_seconds:.0f} seconds, and was killed"
        ) from None
    _log_end(said, completed, began)
    if completed.returncode not in accept:
        raise ToolFailedError(f"{_name(said)} {_why(completed, limits)}")
    return completed


@contextmanager
def background(
    argv: Sequence[str],
    *,
    limits: Limits | None = None,
    inherited: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    name: Sequence[str] = (),
) -> Iterator[Child]:
    """A program that runs beside us for as long as the block lasts; its whole session is killed at the end.

    Its stderr is a pipe that somebody has to read; `inherited` are descriptors that it gets, under the same
    numbers; `name` as in `run`. Where it writes more than `file_size_bytes`, the write fails: no signal ends
    it (setrlimit(2)). Raises ToolMissingError.
    """
    command = _guarded(argv, limits or Limits())
    said, began = list(name or argv), time.monotonic()
    with ExitStack() as running:
        with interrupts.deferred():
            # SIGXFSZ stays ignored, as Python has it.
            child = _open(command, subprocess.DEVNULL, inherited, environment, restore_signals=False)
            running.callback(_log_end, said, child, began)
            running.callback(_end, child)
        log.debug(__name__, f"{said}: runs beside imgtool", program=said[0], pid=child.pid)
        yield child


def _log_end(said: Sequence[str], ended: Child | Completed, began: float) -> None:
    seconds, status = time.monotonic() - began, ended.returncode
    log.debug(__name__, f"{list(said)}: status {status}", program=said[0], status=status, seconds=seconds)


def start_service(argv: Sequence[str], channel: int, stderr: int) -> "subprocess.Popen[bytes]":
    """Start a program that serves us until its stdin, the socket `channel`, is closed.

    It dies with the thread that calls this, which should last as long as the process does (prctl(2)).
    Ends by itself otherwise; the caller waits for it. Raises ToolMissingError.
    """
    return subprocess.Popen(
        _guarded(argv, Limits()),
        stdin=channel,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def require(program: str) -> str:
    """The path of `program`; ToolMissingError where it is not installed."""
    path = shutil.which(program)
    if path is None:
        package, purpose = _NEEDED_FOR.get(program, (program, "for this"))
        raise ToolMissingError(
            f"{program} is not installed; it is needed {purpose}", hint=install.command(package)
        )
    return path


def _guarded(argv: Sequence[str], limits: Limits) -> list[str]:
    """`argv` under setpriv and prlimit: they set themselves up, then become the program."""
    command = [require(argv[0]), *argv[1:]]
    options = [f"--{_PRLIMIT_NAMES[kind]}={soft}:{hard}" for kind, soft, hard in as_rlimits(limits)]
    if options:
        command = [require("prlimit"), *options, *command]
    return [require("setpriv"), "--pdeathsig", "KILL", *command]


def as_rlimits(limits: Limits) -> list[tuple[int, int, int]]:
    """`limits` as setrlimit(2) takes them: the kind, the soft and the hard limit."""
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    wanted = (limits.address_space_bytes, limits.file_size_bytes, limits.core_bytes)
    bounds = [(kind, most, most) for kind, most in zip(kinds, wanted, strict=True) if most is not None]
    if limits.cpu_seconds is not None:
        # One second more before the hard limit: SIGXCPU at the soft one tells why, SIGKILL would not.
        bounds.append((resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1))
    return [(kind, _at_most_ours(soft, kind), _at_most_ours(hard, kind)) for kind, soft, hard in bounds]


def _at_most_ours(wanted: int, kind: int) -> int:
    """No process may raise its own limit."""
    _, hard = resource.getrlimit(kind)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def with_c_locale(given: Mapping[str, str] | None) -> dict[str, str]:
    """`given`, or our environment, with the messages that are looked for in what programs write."""
    return {**(os.environ if given is None else given), "LC_ALL": "C"}


def start(
    argv: Sequence[str],
    limits: Limits,
    inherited: Sequence[int],
    environment: Mapping[str, str] | None,
    running: ExitStack,
) -> Child:
    """Start `argv` as `run` says, for `finish`; `running` ends it. Raises ToolMissingError."""
    command = _guarded(argv, limits)
    with interrupts.deferred():
        child = _open(command, subprocess.PIPE, inherited, environment)
        running.callback(_end, child)
    return child


def _open(
    command: Sequence[str],
    stdout: int,
    inherited: Sequence[int],
    environment: Mapping[str, str] | None,
    *,
    restore_signals: bool = True,
) -> Child:
    """Start a program with a session of its own, no stdin, and a pipe as its stderr."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=with_c_locale(environment),
        start_new_session=True,
        pass_fds=inherited,
        restore_signals=restore_signals,
        bufsize=0,
    )


def _collect(
    child: Running,
    argv: tuple[str, ...],
    deadline: float,
    on_output: Callable[[str], None] | None,
) -> Completed:
    stdout, stderr = _Output(on_output), _Output(on_output, kept_bytes=KEPT_STDERR_BYTES)
    with selectors.DefaultSelector() as selector:
        for pipe, output in ((child.stdout, stdout), (child.stderr, stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, output)
        while selector.get_map():
            for key, _ in selector.select(_remaining(deadline)):
                chunk = os.read(key.fd, _PIPE_READ_BYTES)
                key.data.feed(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if len(stdout.content) > MAX_STDOUT_BYTES:
                raise ToolFailedError(f"{_name(argv)} wrote more than {MAX_STDOUT_BYTES} bytes")
    try:
        returncode = child.wait(_remaining(deadline))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Completed(argv, returncode, bytes(stdout.content), bytes(stderr.content))


class _Output:
    """One stream of the child: what it wrote, and its lines to whoever watches."""

    def __init__(self, on_output: Callable[[str], None] | None, kept_bytes: int | None = None) -> None:
        self.content = bytearray()
        self._on_output = on_output
        self._kept_bytes = kept_bytes
        self._unfinished = ""

    def feed(self, chunk: bytes) -> None:
        """More bytes; none at all is the end."""
        self.content += chunk
        if self._kept_bytes is not None:
            del self.content[: -self._kept_bytes]
        if self._on_output is not None:
            self._tell(self._on_output, chunk)

    def _tell(self, on_output: Callable[[str], None], chunk: bytes) -> None:
        text = self._unfinished + chunk.decode("utf-8", "replace").replace("\r", "\n")
        *pieces, self._unfinished = text.split("\n")
        if not chunk or len(self._unfinished) > MAX_PIECE_CHARACTERS:
            pieces.append(self._unfinished)
            self._unfinished = ""
        for piece in filter(None, pieces):
            on_output(piece)


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's session unless it was reaped (then its number may be another's), close the pipes."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(_REAP_SECONDS)
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _name(argv: Sequence[str]) -> str:
    """Program and verb, enough to know which: `qemu-img convert`."""
    verb = [argument for argument in argv[1:2] if argument.isalpha()]
    return printable(" ".join([os.path.basename(argv[0]), *verb]))  # noqa: PTH119 - a name, not a file


def _why(completed: Completed, limits: Limits | None) -> str:
    if completed.returncode == -signal.SIGXCPU and limits is not None:
        return f"used more than {limits.cpu_seconds} seconds of CPU time, and was killed"
    if completed.returncode < 0:
        reason = f"was killed by signal {-completed.returncode}"
    else:
        reason = f"failed with status {completed.returncode}"
    return f"{reason}: {completed.last_error_line}" if completed.last_error_line else reason
