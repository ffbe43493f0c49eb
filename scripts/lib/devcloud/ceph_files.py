"""What a Ceph cluster is made from: its keys, its configuration, and the bindings that Glance loads.

A monitor, and one OSD that keeps its objects in memory: nothing is written to a disk but the monitor's own
state, and the cluster starts in some seconds. No manager: only statistics need one.
Source: https://docs.ceph.com/en/pacific/rados/configuration/ and .../rados/operations/user-management/
"""

import base64
import importlib.machinery
import random
import secrets
import socket
import struct
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from devcloud.errors import DevcloudError

CONF = "ceph.conf"
"""In the cluster's folder: for daemons and clients."""
POOL = "images"
USER = "glance"
PORTS = range(20000, 32000)
"""Below those that the kernel gives to connections: one that is free now is free when a daemon binds it."""
OSD_PORTS = 500
"""An OSD tries so many, one after the other, until it has its four."""
MEMORY_BYTES = 8 << 30
"""What the OSD keeps at most. It takes memory only for what is stored."""
BINDINGS = Path("/usr/lib/python3/dist-packages")
"""Where Debian's python3-rados and python3-rbd are."""
MODULES = ("rados", "rbd")
CAPABILITIES = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    f"client.{USER}": {"mon": "profile rbd", "osd": f"profile rbd pool={POOL}"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}


@dataclass(frozen=True)
class Cluster:
    """One cluster below a folder, with random keys and ports."""

    folder: Path
    port: int
    """The monitor's."""
    osd_port: int
    """The first that the OSD tries."""
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    osd_identifier: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def conf(self) -> Path:
        """Its configuration."""
        return self.folder / CONF

    @property
    def modules(self) -> Path:
        """A folder with the bindings alone."""
        return modules(self.folder)

    @property
    def all_keys(self) -> Path:
        """The keyring that a new monitor begins with."""
        return self.folder / "all.keyring"


def modules(folder: Path) -> Path:
    """Where the cluster in `folder` has its bindings for Python."""
    return folder / "python"


def store_settings(folder: Path) -> str:
    """The section of glance-api.conf for the store in the cluster below `folder`."""
    return f"""\
[rbd]
rbd_store_ceph_conf = {folder / CONF}
rbd_store_user = {USER}
rbd_store_pool = {POOL}
rbd_thin_provisioning = true
"""


def write_cluster(folder: Path) -> Cluster:
    """Makes `folder` and what a cluster needs in it. Raises DevcloudError where the bindings are missing."""
    cluster = Cluster(folder, _free_port(), random.choice(PORTS))  # noqa: S311 - a port is no secret
    for made in (folder, folder / "mon", folder / "osd", cluster.modules):
        made.mkdir()
    _link_bindings(cluster.modules)
    cluster.conf.write_text(_configuration(cluster))
    _write_keys(cluster)
    return cluster


def _free_port() -> int:
    for port in random.sample(PORTS, 50):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DevcloudError("no free port was found for Ceph's monitor")


def _link_bindings(folder: Path) -> None:
    """Links to the two modules: Debian's other packages would be in the way of Glance's own."""
    for name in MODULES:
        found = [BINDINGS / f"{name}{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
        module = next((path for path in found if path.exists()), None)
        if module is None:
            raise DevcloudError(
                f"{found[0]} is missing, which --with ceph needs: install python3-{name} (scripts/setup "
                "--test does), and run devcloud with Debian's own python3"
            )
        (folder / module.name).symlink_to(module)


def _write_keys(cluster: Cluster) -> None:
    """A keyring for each name, and one of all of them, with what each may do, for the new monitor."""
    keys = {name: _new_key() for name in CAPABILITIES}
    for name, key in keys.items():
        file = "mon.a" if name == "mon." else name
        _write_secret(cluster.folder / f"{file}.keyring", f"[{name}]\nkey = {key}\n")
    entries = (_entry(name, keys[name], allowed.items()) for name, allowed in CAPABILITIES.items())
    _write_secret(cluster.all_keys, "".join(entries))


def _entry(name: str, key: str, allowed: Iterable[tuple[str, str]]) -> str:
    lines = (f'caps {service} = "{what}"\n' for service, what in allowed)
    return f"[{name}]\nkey = {key}\n{''.join(lines)}"


def _new_key() -> str:
    """As `ceph-authtool --gen-print-key` makes it: type 1 (AES), seconds, nanoseconds, length, key."""
    key = secrets.token_bytes(16)
    return base64.b64encode(struct.pack("<HIIH", 1, int(time.time()), 0, len(key)) + key).decode()


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _configuration(cluster: Cluster) -> str:
    folder = cluster.folder
    return f"""\
[global]
fsid = {cluster.identifier}
mon_host = [v2:127.0.0.1:{cluster.port}/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
ms_bind_port_min = {cluster.osd_port}
ms_bind_port_max = {cluster.osd_port + OSD_PORTS}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = {folder}/$name.keyring
# Nothing outside this folder.
admin_socket =
log_file =
pid_file =
run_dir = {folder}
crash_dir = {folder / "crash"}
# One OSD, which holds all.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[client]
client_mount_timeout = 60
[mon]
mon_data = {folder / "mon"}
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
# A disk that is nearly full ends a monitor; this one needs some MiB.
mon_data_avail_crit = 0
mon_data_avail_warn = 0
# There are no other monitors to wait for.
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
log_to_stderr = true
mon_cluster_log_to_file = false
debug_rocksdb = 0
[osd]
osd_data = {folder / "osd"}
osd_objectstore = memstore
memstore_device_bytes = {MEMORY_BYTES}
log_to_stderr = true
"""
