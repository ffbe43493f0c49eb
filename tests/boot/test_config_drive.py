import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pycdlib import PyCdlib

from imgtool.boot import config_drive

UUID, MAC = "11111111-2222-4333-8444-555555555555", "fa:16:3e:00:00:01"
NAMES = ["meta_data.json", "network_data.json", "vendor_data.json", "vendor_data2.json"]


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drive") / "config.iso"
    config_drive.write(path, UUID, MAC)
    return path


def read(drive: Path, **name: str) -> Any:
    disc, content = PyCdlib(), io.BytesIO()
    disc.open(str(drive))
    disc.get_file_from_iso_fp(content, **name)
    disc.close()
    return json.loads(content.getvalue())


def test_its_label_is_the_one_that_cloud_init_looks_for(drive: Path) -> None:
    descriptor = drive.read_bytes()[16 * 2048 : 17 * 2048]
    assert descriptor[:6] == b"\x01CD001"
    assert descriptor[40:72].decode().strip() == "config-2"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["rr_path", "joliet_path"])
def test_each_file_is_there_by_its_whole_name(kind: str, name: str, drive: Path) -> None:
    found = read(drive, **{kind: f"/openstack/latest/{name}"})
    assert found == json.loads(config_drive.contents(UUID, MAC)[f"openstack/latest/{name}"])


def test_the_instance_has_the_number_and_the_interface_that_the_machine_has(drive: Path) -> None:
    assert read(drive, rr_path="/openstack/latest/meta_data.json")["uuid"] == UUID
    network = read(drive, rr_path="/openstack/latest/network_data.json")
    assert network["links"][0]["ethernet_mac_address"] == MAC
    assert network["networks"][0]["type"] == "ipv4_dhcp"


def test_there_is_no_secret_inside() -> None:
    told = b" ".join(config_drive.contents(UUID, MAC).values())
    words = (b"password", b"public_keys", b"user_data", b"authorized", b"PRIVATE")
    assert not [word for word in words if word in told]


def test_the_guest_is_told_to_make_one_host_key_only() -> None:
    """As text of cloud-config: that is what cloud-init takes vendor data for."""
    told = json.loads(config_drive.contents(UUID, MAC)["openstack/latest/vendor_data.json"])
    assert told["cloud-init"].startswith("#cloud-config\n")
    assert yaml.safe_load(told["cloud-init"]) == {"ssh_genkeytypes": ["ed25519"]}
