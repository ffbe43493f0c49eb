"""Other programs in the sandbox: qemu-img and QEMU, which read what others wrote.

Such a program can open its own libraries, the files that it is given by descriptor, and nothing else,
whatever an image says. Landlock and seccomp see to that (sandbox/become.py, launch.py); where there is no
Landlock, bubblewrap does, in which no other file exists. Where neither is to be had, `means` says so, and
whoever starts a program decides whether its input may be read so (process/qemu_img.py).

An open file is named to the program as `/proc/self/fd/N`: no name is looked up a second time.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Literal

from imgtool import sandbox
from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.process import programs
from imgtool.process.programs import Child, Completed, Limits
from imgtool.process.served import Served
from imgtool.sandbox import kernel, seccomp
from imgtool.sandbox.become import Program

Means = Literal["landlock", "bubblewrap", "none"]
_Command = tuple[list[str], tuple[int, ...]]
"""A command line, and descriptors that it needs."""

_LAUNCHER = str(Path(sandbox.__file__).with_name("launch.py"))
"""Not imported: it is a program."""
_LOADER_FILES = ("/etc/ld.so.cache",)
_DEVICES = {"/dev/null": kernel.READ_FILE | kernel.WRITE_FILE, "/dev/urandom": kernel.READ_FILE}
_READ = kernel.READ_FILE | kernel.IOCTL_DEVICE
_WRITE = _READ | kernel.WRITE_FILE | kernel.TRUNCATE
_RUN = kernel.READ_FILE | kernel.EXECUTE
_BELOW = kernel.READ_FILE | kernel.READ_DIR
_TRIAL_SECONDS = 20.0
_FINDING = Lock()
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
"""Where programs and their libraries are looked for. No password, no proxy, no name of a cloud."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a program may open besides its own code."""

    read: tuple[int, ...] = ()
    """Open descriptors, which the program inherits under the same numbers."""
    write: tuple[int, ...] = ()
    """Likewise; it may be read too."""
    data: tuple[Path, ...] = ()
    """Files and folders of the program's own, to be read: what is not there is left out."""
    folders: tuple[Path, ...] = ()
    """Folders of our own that hold nothing but this program's files: to be read and written."""
    devices: tuple[Path, ...] = ()
    """Devices, to be read, written and controlled."""
    machine: bool = False
    """It is QEMU, which needs more system calls than a tool: see seccomp.MACHINE."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """All descriptors that it gets."""
        return (*self.read, *self.write)


@cache
def means() -> Means:
    """What confines a program on this machine."""
    if kernel.landlock_abi():
        return "landlock"
    return "bubblewrap" if _bubblewrap_works() else "none"


def run(  # noqa: PLR0913 - each says one thing about the run
    argv: Sequence[str],
    access: Access,
    *,
    timeout_seconds: float,
    limits: Limits | None = None,
    on_output: Callable[[str], None] | None = None,
    accept: Collection[int] = (0,),
) -> Completed:
    """Run a program confined, as `programs.run` does. Raises ToolMissingError, ToolFailedError."""
    finish = partial(
        programs.finish,
        argv,
        timeout_seconds=timeout_seconds,
        limits=limits,
        on_output=on_output,
        accept=accept,
    )
    if means() != "bubblewrap" and not access.machine:
        return finish(partial(Served, _served(argv, access, limits or Limits()), access.inherited))
    with _command(argv, access) as (command, passed):
        inherited = (*access.inherited, *passed)
        return finish(partial(programs.start, command, limits or Limits(), inherited, environment()))


def prepare(program: str) -> None:
    """Find out what `run` needs to know of `program`, by a thread that has nothing else to do just now.

    Raises ToolMissingError, ToolFailedError, as `run` will.
    """
    _libraries(programs.require(program))


@contextmanager
def background(
    argv: Sequence[str], access: Access, *, inherited: Sequence[int] = (), limits: Limits | None = None
) -> Iterator[Child]:
    """Start a program confined, as `programs.background` does; it gets the descriptors `inherited` too."""
    with _command(argv, access) as (command, passed):
        descriptors = (*access.inherited, *inherited, *passed)
        with programs.background(
            command, limits=limits, inherited=descriptors, environment=environment(), name=argv
        ) as child:
            yield child


def environment() -> dict[str, str]:
    """All that a confined program learns of ours."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


def _command(
    argv: Sequence[str], access: Access
) -> AbstractContextManager[tuple[list[str], tuple[int, ...]]]:
    """What confines `argv`."""
    program = programs.require(argv[0])
    chosen = means()
    if chosen == "bubblewrap":
        return _by_bubblewrap(program, argv[1:], access)
    return _by_landlock(program, argv[1:], access)


@contextmanager
def _by_landlock(program: str, arguments: Sequence[str], access: Access) -> Iterator[_Command]:
    """Start it by sandbox/launch.py, which uses what there is: without Landlock that is the filter alone."""
    interpreter = [sys.executable, "-I", "-S", _LAUNCHER]
    filtering = _filter(access).hex() or "-"
    yield [*interpreter, filtering, *_rules(program, access), "--", program, *arguments], ()


def _served(argv: Sequence[str], access: Access, limits: Limits) -> Program:
    """What the sandbox's server is asked for."""
    path = programs.require(argv[0])
    return Program(
        argv=[path, *argv[1:]],
        environment=programs.with_c_locale(environment()),
        rules=_rules(path, access),
        limits=programs.as_rlimits(limits),
        numbers=[1, 2, *access.inherited],
    )


def _rules(program: str, access: Access) -> list[str]:
    """What it may open, as kernel.confine_program takes it."""
    rules = [f"{flags}:{path}" for path, flags in _files(program, access).items()]
    rules += [f"{_READ}:@{descriptor}" for descriptor in access.read]
    return rules + [f"{_WRITE}:@{descriptor}" for descriptor in access.write]


@contextmanager
def _by_bubblewrap(program: str, arguments: Sequence[str], access: Access) -> Iterator[_Command]:
    """A file system of its own, in which only its own code is. Source: bwrap(1)."""
    options = [*_namespaces(), "--die-with-parent", "--new-session", "--proc", "/proc"]
    for path, flags in _files(program, access).items():
        kind = "--dev-bind" if path.startswith("/dev/") else "--ro-bind"
        if kind == "--dev-bind" or not flags & kernel.WRITE_FILE:
            options += [kind, os.path.realpath(path), path]
    for folder in access.folders:
        options += ["--bind", str(folder), str(folder)]
    options += ["--remount-ro", "/", "--remount-ro", "/proc"]
    descriptor = os.memfd_create("imgtool-seccomp", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, _filter(access))
        os.lseek(descriptor, 0, os.SEEK_SET)
        filtering = ["--seccomp", str(descriptor)] if _filter(access) else []
        yield [programs.require("bwrap"), *options, *filtering, "--", program, *arguments], (descriptor,)
    finally:
        os.close(descriptor)


def _namespaces() -> list[str]:
    """Root has no need of a user namespace, in which it could not read what others keep to themselves."""
    if os.geteuid() != 0:
        return ["--unshare-all"]
    spaces = [f"--unshare-{kind}" for kind in ("ipc", "pid", "net", "uts", "cgroup-try")]
    return [*spaces, "--cap-drop", "ALL", "--cap-add", "CAP_DAC_OVERRIDE"]


def _filter(access: Access) -> bytes:
    """Empty where there is none for this machine."""
    return seccomp.program(rules=seccomp.MACHINE if access.machine else seccomp.PROGRAM) or b""


def _files(program: str, access: Access) -> dict[str, int]:
    """Path to the kinds of access, of all that there is."""
    interpreter, libraries = _libraries(program)
    files = {
        program: _RUN,
        **dict.fromkeys(interpreter, _RUN),
        **dict.fromkeys([*libraries, *_LOADER_FILES], kernel.READ_FILE),
        **_DEVICES,
        **dict.fromkeys(map(str, access.devices), _WRITE),
    }
    files |= {str(path): _BELOW if path.is_dir() else kernel.READ_FILE for path in access.data}
    files |= dict.fromkeys(map(str, access.folders), _WRITE | kernel.READ_DIR)
    return {path: flags for path, flags in files.items() if os.path.exists(path)}  # noqa: PTH110 - 40 of them


def _libraries(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The loader of `program`, and the libraries that it loads, found once."""
    with _FINDING:  # one thread waits for what another is finding just now
        return _find_libraries(program)


@cache
def _find_libraries(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See `_libraries`. Source: ld.so(8), LD_TRACE_LOADED_OBJECTS.

    A program that is not loaded dynamically just tells its version.
    """
    traced = programs.run(
        ["env", "LD_TRACE_LOADED_OBJECTS=1", program, "--version"],
        timeout_seconds=_TRIAL_SECONDS,
        environment=environment(),
        accept=range(-64, 256),
    )
    text = traced.stdout.decode("utf-8", "replace")
    loader = re.findall(r"^\s+(/\S+) \(0x[0-9a-f]+\)$", text, re.MULTILINE)
    libraries = re.findall(r"^\s+\S+ => (/\S+) \(0x[0-9a-f]+\)$", text, re.MULTILINE)
    return tuple(loader), tuple(libraries)


def library_folders(program: str) -> tuple[Path, ...]:
    """Where the libraries of `program` are: it may have modules of its own below them."""
    return tuple(sorted({Path(library).parent for library in _libraries(programs.require(program))[1]}))


def _bubblewrap_works() -> bool:
    """Installed, and let do what it needs: user namespaces are switched off on some machines."""
    if shutil.which("bwrap") is None:
        return False
    trial = ["bwrap", *_namespaces(), "--ro-bind", "/", "/", "--proc", "/proc", "--", "true"]
    try:
        programs.run(trial, timeout_seconds=_TRIAL_SECONDS)
    except (ToolFailedError, ToolMissingError):
        return False
    return True
