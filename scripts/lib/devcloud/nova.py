"""Nova with all that it needs, for `--with nova`: Placement, RabbitMQ, libvirt, a network for its guests.

They run in namespaces of their own: their ports, mounts, taps and the bridge are nobody else's, and all of it
ends with one process. Keystone and Glance stay outside, where they are for every cloud. Each service listens
twice on the same port of loopback, outside and in there, so that a URL of the catalogue leads to it from
everywhere: a process may serve a socket of another network namespace than its own. Nothing is forwarded.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devcloud import nova_files, probe, servers
from devcloud.environment import REGION
from devcloud.errors import DevcloudError, tail
from devcloud.nova_environment import INSIDE, NovaEnvironment
from devcloud.settings import Settings

SERVICES = ("compute", "placement", "network")
ENTER_SECONDS = 60.0
START_SECONDS = 400.0
STOP_SECONDS = 20.0
POLL_SECONDS = 2.0
LOGS = ("rabbitmq", "libvirtd", "nova-conductor", "nova-compute")


Listeners = Mapping[str, socket.socket]
Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Namespace:
    """Where Nova runs."""

    process: Process
    keystone: socket.socket
    """Listens in there, on Keystone's port."""
    glance: socket.socket


@contextlib.contextmanager
def listening() -> Iterator[Listeners]:
    """Sockets for the services in there that are reached from outside."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(servers.listen()) for name in SERVICES}


def endpoints(listeners: Listeners) -> dict[str, str]:
    """What the catalogue says of each service, by its type."""
    version = {"compute": "/v2.1"}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    return {name: f"http://127.0.0.1:{port}{version.get(name, '')}" for name, port in ports.items()}


@contextlib.contextmanager
def running(settings: Settings, environment: Path, listeners: Listeners) -> Iterator[Namespace]:
    """The services, which end with the context. They start while Keystone does: its socket queues for it."""
    nova = NovaEnvironment(environment)
    _write(settings, nova)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _spawn(settings, nova, listeners, theirs.fileno())
        for listener in listeners.values():
            listener.close()
        try:
            keystone, glance = _received(ours, settings)
            with keystone, glance:
                yield Namespace(process, keystone, glance)
        finally:
            _stop(process)


def _spawn(settings: Settings, nova: NovaEnvironment, listeners: Listeners, channel: int) -> Process:
    """The kernel kills it when the supervisor has ended, however that ends: setpriv(1), prctl(2)."""
    outside = {"keystone": settings.keystone_port, "glance": settings.glance_port}
    services = [f"{name}={port}=" for name, port in outside.items()]
    services += [f"{name}={one.getsockname()[1]}={one.fileno()}" for name, one in listeners.items()]
    arguments = [f"{INSIDE}/nova_init.py", nova_files.PLACE, str(channel), *services]
    command = nova.command(settings.nova_folder, "/usr/bin/python3", "-E", "-B", *arguments)
    with settings.log("nova").open("wb") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],  # noqa: S607 - by PATH, as anywhere
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=servers.environment(),
            pass_fds=[channel, *(listener.fileno() for listener in listeners.values())], process_group=0,
        )  # fmt: skip


def _write(settings: Settings, nova: NovaEnvironment) -> None:
    nova_files.write_cloud(
        settings.nova_folder,
        first=nova.databases,
        paste_file=nova.paste_file,
        keystone_url=settings.keystone_url,
        region=REGION,
        passwords=settings.passwords,
    )


def _received(channel: socket.socket, settings: Settings) -> list[socket.socket]:
    """The sockets that listen in there for Keystone and Glance; they come once the network is made."""
    channel.settimeout(ENTER_SECONDS)
    try:
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 2)
    except OSError as error:
        raise _failure(settings, str(error)) from error
    if len(descriptors) != 2:
        raise _failure(settings, "its namespaces could not be entered")
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def require_ready(settings: Settings, namespace: Namespace) -> None:
    """Returns once a server would be scheduled: the services are up, and Placement knows of the host."""
    deadline = time.monotonic() + START_SECONDS
    while not _ready(settings):
        if namespace.process.poll() is not None:
            raise _failure(settings, "its services ended")
        if time.monotonic() > deadline:
            raise _failure(settings, f"not ready after {START_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def _ready(settings: Settings) -> bool:
    with contextlib.suppress(DevcloudError):
        return probe.nova_is_up(settings)
    return False


def _failure(settings: Settings, words: str) -> DevcloudError:
    logs = [("nova", settings.log("nova"))]
    logs += [(name, settings.nova_folder / "log" / f"{name}.log") for name in LOGS]
    ends = "".join(f"\n  {name}:{tail(log)}" for name, log in logs)
    return DevcloudError(f"Nova did not start: {words}{ends}")


def _stop(process: Process) -> None:
    """The first process in there ends after all others: once unshare has seen its end, all are gone."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
