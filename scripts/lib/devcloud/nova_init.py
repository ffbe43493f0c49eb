"""The first process of the namespaces that Nova runs in: starts all the rest, and ends it by ending itself.

    python nova_init.py FOLDER CHANNEL NAME=PORT=DESCRIPTOR...

Each NAME is a service on a port of loopback that is bound outside already; the same port is bound in here,
so that a URL leads to the same service on both sides, and no request has to be forwarded. The sockets of
Keystone and Glance, which run outside (DESCRIPTOR is empty), are sent through the socket CHANNEL.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from nova_network import GATEWAY, HOSTS, SUBNET

HERE = Path(__file__).parent
BRIDGE = "devcloud"
METADATA = "169.254.169.254"
BACKLOG = 128
POLL_SECONDS = 0.5
WAIT_SECONDS = 120.0
LIBVIRT = Path("/run/libvirt/libvirt-sock")
APPLICATIONS = {
    "compute": "nova.wsgi.osapi_compute:application",
    "metadata": "nova.wsgi.metadata:application",
    "placement": "placement.wsgi.api:application",
}
ENVIRONMENT = {"DEVCLOUD_SUPERVISOR": "1", "PYTHONWARNINGS": "ignore"}


def main():
    """Ends as soon as one of the programs does: the kernel then ends the others."""
    folder, channel = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _make_network()
    sockets = _listen(channel, sys.argv[3:])
    running = _start_all(folder, sockets)
    while all(process.poll() is None for process in running.values()):
        _attach_taps()
        _reap(running)
        time.sleep(POLL_SECONDS)
    ended = [name for name, process in running.items() if process.poll() is not None]
    sys.exit(f"{', '.join(ended)} ended")


def _make_network():
    """A bridge for the guests; on it is the gateway, and the address of the metadata service."""
    for arguments in (
        ["link", "set", "lo", "up"],
        ["link", "add", BRIDGE, "type", "bridge"],
        ["address", "add", f"{GATEWAY}/{SUBNET.prefixlen}", "dev", BRIDGE],
        ["address", "add", f"{METADATA}/32", "dev", BRIDGE],
        ["link", "set", BRIDGE, "up"],
    ):
        _ip(*arguments)


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=False)  # noqa: S607 - by PATH, as anywhere


def _listen(channel, services):
    """The descriptors that each service in here serves."""
    found, outside = {"metadata": [_bound(METADATA, 80)]}, []
    for name, port, descriptor in (service.split("=") for service in services):
        inner = _bound("127.0.0.1", int(port))
        if descriptor:
            found[name] = [int(descriptor), inner]
        else:
            outside.append(inner)
    with socket.socket(fileno=channel) as sender:
        socket.send_fds(sender, [b"."], outside)
    for descriptor in outside:
        os.close(descriptor)
    return found


def _bound(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    return listener.detach()


def _start_all(folder, sockets):
    HOSTS.mkdir()
    running = {}

    def start(name, command, descriptors=(), **environment):
        with (folder / "log" / f"{name}.log").open("wb") as log:
            running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=os.environ | ENVIRONMENT | environment, pass_fds=descriptors,
            )  # fmt: skip

    start("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], **_rabbit(folder))
    start("virtlogd", ["virtlogd"])
    start("libvirtd", ["libvirtd"])
    start("dnsmasq", _dnsmasq())
    start("network", _python("nova_network.py", *sockets["network"]), sockets["network"])
    for name, application in APPLICATIONS.items():
        start(f"nova-{name}-api", _gunicorn(application, sockets[name]), sockets[name], **_conf(folder))
    for name in ("nova-conductor", "nova-scheduler"):
        start(name, _service(folder, name))
    _wait_for(LIBVIRT)  # the only one that is not tried again where it does not answer
    start("nova-compute", _service(folder, "nova-compute"))
    return running


def _rabbit(folder):
    return {
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }


def _conf(folder):
    return {"OS_NOVA_CONFIG_DIR": str(folder), "OS_PLACEMENT_CONFIG_DIR": str(folder)}


def _dnsmasq():
    """The gateway is the guests' router, and the metadata service is on the same machine."""
    return [
        "dnsmasq", "--keep-in-foreground", "--conf-file=", "--log-facility=-", "--port=0",
        f"--interface={BRIDGE}", "--bind-interfaces", "--dhcp-authoritative", f"--dhcp-hostsdir={HOSTS}",
        f"--dhcp-range={SUBNET.network_address},static,{SUBNET.netmask},1h", "--user=root", "--leasefile-ro",
        f"--dhcp-option=option:classless-static-route,{METADATA}/32,{GATEWAY},0.0.0.0/0,{GATEWAY}",
        "--pid-file=",
    ]  # fmt: skip


def _python(script, *arguments):
    return [sys.executable, "-I", str(HERE / script), *map(str, arguments)]


def _service(folder, name):
    return _python("nova_service.py", name, "--config-file", str(folder / "nova.conf"))


def _gunicorn(application, descriptors):
    bound = [f"--bind=fd://{descriptor}" for descriptor in descriptors]
    configuration = str(HERE / "gunicorn_conf.py")
    where = ["--config", configuration, "--worker-tmp-dir", "/run", *bound]
    return _python("nova_service.py", "gunicorn", *where, application)


def _wait_for(path):
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 5)


def _attach_taps():
    """Nova makes a tap for each card; Neutron's agent would put it on the bridge."""
    for device in Path("/sys/class/net").glob("tap*"):
        if not (device / "master").exists():
            _ip("link", "set", device.name, "master", BRIDGE, "up")


def _reap(running):
    """Collects what was left to the first process, and leaves what it started itself to Popen."""
    ours = {process.pid for process in running.values()}
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (ended := os.waitid(os.P_ALL, 0, look)) and ended.si_pid not in ours:
        os.waitpid(ended.si_pid, 0)


if __name__ == "__main__":
    main()
