"""Keystone and Glance as processes, each on a loopback port that is already bound when it starts."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from devcloud.ceph_files import modules
from devcloud.settings import Settings

BACKLOG = 128
STOP_SECONDS = 5.0


def listen() -> socket.socket:
    """A listening socket on a free port. Handed on as it is, so that nobody else can take the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    return listener


def start_keystone(settings: Settings, *listeners: socket.socket) -> subprocess.Popen[bytes]:
    """Serves Keystone; it answers once its application is loaded, until then requests wait."""
    where = {
        "OS_KEYSTONE_CONFIG_DIR": str(settings.keystone_conf.parent),
        "OS_KEYSTONE_CONFIG_FILES": str(settings.keystone_conf),
    }
    return _serve(settings, "keystone", listeners, where)


def start_glance(settings: Settings, *listeners: socket.socket) -> subprocess.Popen[bytes]:
    """Serves Glance in the same way; where it stores in Ceph, Ceph's bindings are within its reach."""
    where = {"OS_GLANCE_CONFIG_DIR": str(settings.glance_conf.parent)}
    bindings = ["--pythonpath", str(modules(settings.ceph_folder))] if settings.has_ceph else []
    return _serve(settings, "glance", listeners, where, bindings)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its group: politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)  # gunicorn: do not wait for requests that are under way
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _serve(
    settings: Settings,
    name: str,
    listeners: Sequence[socket.socket],
    extra: dict[str, str],
    options: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    descriptors = tuple(listener.fileno() for listener in listeners)
    command = [
        str(settings.environment.python), "-I", "-m", "gunicorn",
        "--config", str(Path(__file__).with_name("gunicorn_conf.py")),
        *(f"--bind=fd://{descriptor}" for descriptor in descriptors),
        "--worker-tmp-dir", str(settings.folder / "lock"),
        *options,
        f"{name}.wsgi.api:application",
    ]  # fmt: skip
    return _spawn(settings, name, command, extra, descriptors)


def _spawn(
    settings: Settings, name: str, command: list[str], extra: dict[str, str], descriptors: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    with settings.log(name).open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=settings.folder,
            env=environment() | extra, pass_fds=descriptors, process_group=0,
        )  # fmt: skip


def environment() -> dict[str, str]:
    """The caller's environment without what leads a server on loopback astray: OS_*, proxies, Python's."""
    astray = ("OS_", "PYTHON", "GUNICORN_", "PIP_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(astray) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONWARNINGS": "ignore", "DEVCLOUD_SUPERVISOR": str(os.getpid())}
