"""What Nova, Placement, RabbitMQ and libvirt read: their configuration, as the root that they run in sees it.

Source: https://docs.openstack.org/nova/latest/configuration/config.html
"""

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

HOST = "devcloud"
"""The name of the one compute host."""
PLACE = "/cloud"
"""Where the root has the cloud's folder for Nova."""
PACKAGES = "/opt/nova"
"""Where the root has what is from PyPI."""
DATABASES = ("nova_api", "nova", "nova_cell0", "placement")
USERS = ("nova", "placement")
"""Of Keystone."""
FOLDERS = ("log", "instances", "state", "lock")

STATIC = {
    # Guests run as root in a root of their own: what confines them on a real host is not there.
    "etc/libvirt/qemu.conf": """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
""",
    "etc/libvirt/libvirtd.conf": 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n',
    # Whichever Python is started in there finds the packages, as Nova expects of what it starts itself.
    "usr/lib/python3/dist-packages/devcloud.pth": f"import site; site.addsitedir({PACKAGES!r})\n",
    "etc/hosts": f"127.0.0.1 localhost {HOST}\n",
    "etc/hostname": f"{HOST}\n",
    "etc/machine-id": f"{'0123456789abcdef' * 2}\n",
}
"""The same for every cloud."""


def write_static(root: Path) -> None:
    """Completes the cached root."""
    for name, text in STATIC.items():
        (root / name).write_text(text)


def write_first(folder: Path) -> None:
    """Configuration that is enough to make the databases in `folder`."""
    (folder / "nova.conf").write_text(
        f"[DEFAULT]\ntransport_url = rabbit://nobody:none@127.0.0.1:5672/\n{_nova_databases()}"
    )
    (folder / "placement.conf").write_text(_placement_database())


def write_cloud(  # noqa: PLR0913 - what differs from one cloud to the next
    folder: Path,
    *,
    first: Path,
    paste_file: Path,
    keystone_url: str,
    region: str,
    passwords: Mapping[str, str],
) -> None:
    """Makes `folder` with all that the services of one cloud read."""
    for made in (folder, *(folder / name for name in FOLDERS)):
        made.mkdir()
    for name in DATABASES:
        shutil.copyfile(first / f"{name}.db", folder / f"{name}.db")
    shutil.copyfile(paste_file, folder / "api-paste.ini")
    secret = secrets.token_urlsafe(24)
    sign_in = {user: _sign_in(keystone_url, user, passwords[user]) for user in USERS}
    for name, text in (
        ("rabbitmq.conf", _rabbit(secret)),
        ("nova.conf", _nova(secret, sign_in["nova"], region)),
        ("placement.conf", f"{_placement_database()}[keystone_authtoken]\n{sign_in['placement']}"),
    ):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)


def _url(name: str) -> str:
    return f"sqlite:///{PLACE}/{name}.db?timeout=60"


def _nova_databases() -> str:
    return f"""\
[api_database]
connection = {_url("nova_api")}
sqlite_synchronous = False
[database]
connection = {_url("nova")}
sqlite_synchronous = False
"""


def _placement_database() -> str:
    return f"""\
[placement_database]
connection = {_url("placement")}
sqlite_synchronous = False
"""


def _sign_in(keystone_url: str, user: str, password: str) -> str:
    return f"""\
auth_type = password
auth_url = {keystone_url}
www_authenticate_uri = {keystone_url}
username = {user}
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
"""


def _rabbit(secret: str) -> str:
    return f"""\
listeners.tcp.1 = 127.0.0.1:5672
default_user = nova
default_pass = {secret}
log.console.level = warning
disk_free_limit.absolute = 1MB
"""


def _nova(secret: str, sign_in: str, region: str) -> str:
    """One worker each: two cores have to do for guests as well."""
    clients = "".join(
        f"[{section}]\n{sign_in}region_name = {region}\n"
        for section in ("placement", "glance", "neutron", "cinder")
    )
    return f"""\
[DEFAULT]
host = {HOST}
my_ip = 127.0.0.1
transport_url = rabbit://nova:{secret}@127.0.0.1:5672/
compute_driver = libvirt.LibvirtDriver
instances_path = {PLACE}/instances
state_path = {PLACE}/state
reserved_host_memory_mb = 0
reserved_host_disk_mb = 0
initial_cpu_allocation_ratio = 8.0
initial_disk_allocation_ratio = 4.0
vif_plugging_timeout = 0
vif_plugging_is_fatal = false
flat_injected = false
mkisofs_cmd = genisoimage
[conductor]
workers = 1
[scheduler]
workers = 1
[filter_scheduler]
enabled_filters = ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter
[libvirt]
virt_type = qemu
images_type = qcow2
[vnc]
enabled = false
[spice]
enabled = false
[oslo_concurrency]
lock_path = {PLACE}/lock
[keystone_authtoken]
{sign_in}[service_user]
send_service_user_token = true
{sign_in}{clients}{_nova_databases()}"""
