"""The config drive as Nova builds it: an ISO 9660 with Joliet and Rock Ridge, labelled config-2.

Sources: nova/virt/configdrive.py, nova/api/metadata/base.py; https://docs.openstack.org/nova/latest/user/metadata.html
No secret is inside: no key, no password, no user data.
"""

import io
import json
from pathlib import Path
from typing import Any

LABEL = "config-2"
VENDOR_DATA = "#cloud-config\nssh_genkeytypes: [ed25519]\n"
"""A host key of one kind: for one of RSA and one of DSA an emulated guest takes ten seconds."""
_FOLDER = "/OPENSTAC/LATEST"
"""By its names in plain ISO 9660, which nobody reads: Linux takes those of Rock Ridge."""


def contents(uuid: str, mac: str) -> dict[str, bytes]:
    """Path -> content, for an instance with one interface that asks DHCP for its address."""
    meta = {
        "uuid": uuid,
        "name": "imgtool-boot",
        "hostname": "imgtool-boot.novalocal",
        "launch_index": 0,
        "availability_zone": "nova",
        "meta": {},
        "devices": [],
        "dedicated_cpus": [],
    }
    network = {
        "links": [{"id": "tap0", "type": "bridge", "ethernet_mac_address": mac, "mtu": 1500, "vif_id": uuid}],
        "networks": [{"id": "network0", "type": "ipv4_dhcp", "link": "tap0", "network_id": uuid}],
        "services": [],
    }
    files: dict[str, Any] = {
        "meta_data.json": meta,
        "network_data.json": network,
        "vendor_data.json": {"cloud-init": VENDOR_DATA},
        "vendor_data2.json": {"static": {}},
    }
    return {f"openstack/latest/{name}": json.dumps(value).encode() for name, value in files.items()}


def write(target: Path, uuid: str, mac: str) -> None:
    """Make `target` a config drive."""
    from pycdlib import PyCdlib  # noqa: PLC0415 - needed for a boot only

    disc = PyCdlib()
    disc.new(interchange_level=3, vol_ident=LABEL, joliet=3, rock_ridge="1.09")
    disc.add_directory("/OPENSTAC", rr_name="openstack", joliet_path="/openstack")
    disc.add_directory(_FOLDER, rr_name="latest", joliet_path="/openstack/latest")
    for number, (path, content) in enumerate(contents(uuid, mac).items()):
        disc.add_fp(
            io.BytesIO(content),
            len(content),
            f"{_FOLDER}/{number}.;1",
            rr_name=path.rpartition("/")[2],
            joliet_path=f"/{path}",
        )
    disc.write(str(target))
    disc.close()
