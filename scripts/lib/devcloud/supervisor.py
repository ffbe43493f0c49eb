"""The process that owns one cloud: brings it up, says so, watches over it, takes it down.

It ends on SIGTERM, SIGINT or SIGHUP, when its owner ends, and when a server of the cloud dies. Its folder is
gone afterwards. If it is killed itself, the kernel kills the servers with it (gunicorn_conf.py).
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from devcloud import ceph, nova, parts, servers
from devcloud.environment import Environment
from devcloud.errors import DevcloudError, tail
from devcloud.probe import first_requests
from devcloud.settings import Settings, write_all, write_clouds_yaml

PID_FILE = "devcloud.pid"
PARTS_FILE = "parts"
READY = "ready"
START_SECONDS = 300.0
POLL_SECONDS = 0.05
LOCK_TRIES = 20
PR_SET_CHILD_SUBREAPER = 36
Process = subprocess.Popen[bytes]
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop(BaseException):
    """A signal asked to end."""


def main() -> int:
    """Runs one cloud from its start to its end; tells its starter on stdout how the start went."""
    options = _options()
    for number in ENDING_SIGNALS:
        signal.signal(number, _raise_stop)
    _adopt_orphans()
    if not _lock(options.folder):
        _tell(f"a cloud runs in {options.folder} already")
        return 1
    (options.folder / PARTS_FILE).write_text(", ".join(sorted(options.parts)))
    try:
        with _cloud(options) as processes:
            _tell(READY)
            _watch(processes, options.owner)
    except _Stop:
        pass
    except DevcloudError as error:
        _tell(str(error))
        return 1
    finally:
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _reap_orphans()
        if not options.keep:
            shutil.rmtree(options.folder, ignore_errors=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--image-size-cap", type=int, required=True)
    parser.add_argument("--owner", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--with", dest="parts", type=parts.parse, default=frozenset())
    parser.add_argument("--nova", type=Path)
    parser.add_argument("--default-store", required=True)
    return parser.parse_args()


def _adopt_orphans() -> None:
    """A worker that outlives its gunicorn becomes ours to reap: prctl(2), PR_SET_CHILD_SUBREAPER."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def _reap_orphans() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _raise_stop(number: int, _frame: object) -> NoReturn:
    raise _Stop(number)


def _tell(words: str) -> None:
    """The only thing said on stdout. Whoever started this may be gone already."""
    with contextlib.suppress(BrokenPipeError):
        print(words, flush=True)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _lock(folder: Path) -> bool:
    """Holds the folder's PID file for as long as this process lives: that is how others know that it does.

    The kernel lets go of it when the process has ended, and nothing before: whoever waits for it (`stop`) may
    count on that. False if another supervisor holds it. Whoever only asks holds it for a moment too, hence
    the patience.
    """
    file = os.open(folder / PID_FILE, os.O_WRONLY | os.O_CREAT, 0o644)
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
            return True
        time.sleep(POLL_SECONDS)
    os.close(file)
    return False


@contextlib.contextmanager
def _cloud(options: argparse.Namespace) -> Iterator[list[Process]]:
    """A cloud that has answered a first request; its processes, which end with the context."""
    with contextlib.ExitStack() as running:
        keystone, glance = (running.enter_context(servers.listen()) for _ in range(2))
        ports = running.enter_context(nova.listening()) if options.nova else {}
        settings = Settings(
            folder=options.folder,
            environment=Environment(options.environment),
            keystone_port=keystone.getsockname()[1],
            glance_port=glance.getsockname()[1],
            image_size_cap_bytes=options.image_size_cap,
            limits=options.limits,
            parts=options.parts,
            default_store=options.default_store,
            endpoints=nova.endpoints(ports),
        )
        write_all(settings)
        sockets = [(keystone, glance)]
        if options.nova:
            space = running.enter_context(nova.running(settings, options.nova, ports))
            sockets.append((space.keystone, space.glance))
        keystones, glances = zip(*sockets, strict=True)
        processes = [_served(servers.start_keystone, settings, keystones, running)]
        if settings.has_ceph:  # while Keystone loads; Glance looks for it when it starts
            processes += running.enter_context(ceph.running(settings))
        processes.append(_served(servers.start_glance, settings, glances, running))
        _require_answers(settings)
        if options.nova:
            nova.require_ready(settings, space)
            processes.append(space.process)
        write_clouds_yaml(settings)
        yield processes


def _served(
    start: Callable[..., Process],
    settings: Settings,
    listeners: Iterable[socket.socket],
    running: contextlib.ExitStack,
) -> Process:
    """A server that ends with `running`."""
    process = start(settings, *listeners)
    running.callback(servers.stop, process)
    # Only the server holds its port now: if it dies, requests are refused and do not hang.
    for listener in listeners:
        listener.close()
    return process


def _require_answers(settings: Settings) -> None:
    """Waits for the first answers; shows the logs where there are none."""
    try:
        first_requests(settings, START_SECONDS)
    except DevcloudError as error:
        logs = "".join(f"\n  {name}:{tail(settings.log(name))}" for name in ("keystone", "glance"))
        raise DevcloudError(f"{error}{logs}") from error


def _watch(processes: list[Process], owner: int | None) -> None:
    """Returns when the owner or a server has ended (pidfd_open(2): readable then)."""
    watched = [process.pid for process in processes] + ([owner] if owner is not None else [])
    poll = select.poll()
    descriptors = []
    try:
        for pid in watched:
            descriptors.append(os.pidfd_open(pid))
            poll.register(descriptors[-1], select.POLLIN)
        poll.poll()
    except ProcessLookupError:
        return
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
