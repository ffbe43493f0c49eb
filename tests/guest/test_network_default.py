# ruff: noqa: E501 - the rows of the tables are easier to compare in one line
"""Whether the first card gets an address: what installers leave, by the rules of each program."""

import pytest
from support.guest_tree import Content, File, Link
from support.network_trees import (
    MANAGER,
    NETWORKD,
    NO_AUTO,
    OFF,
    interfaces,
    netplan,
    network,
    service,
    troubles,
)
from support.units import ETC

FINE: dict[str, tuple[dict[str, Content], str]] = {
    "cloud-init configures it": ({}, "ro"),
    "cloud-init, and DHCP for another card": (netplan("    ens192: {dhcp4: true}\n"), "ro"),
    "what cloud-init wrote itself": (
        {"/etc/netplan/50-cloud-init.yaml": "network: {ethernets: {ens3: {addresses: [10.0.0.2/24]}}}"},
        "ro",
    ),
    "a vendor's file for containers": (
        {
            "/usr/lib/systemd/network/80-container-ve.network": "[Match]\nName=ve-*\nDriver=veth\n[Network]\nAddress=0.0.0.0/28\n"
        },
        "ro",
    ),
    "the initramfs asks": ({**OFF, **interfaces("auto ens192\niface ens192 inet dhcp\n")}, "ro ip=dhcp"),
    "NetworkManager for every card": ({**OFF, **MANAGER}, "ro"),
    "NetworkManager with a profile for every card": (
        {
            **OFF,
            **MANAGER,
            **NO_AUTO,
            "/etc/NetworkManager/system-connections/x.nmconnection": File(
                "[connection]\ntype=ethernet\n[ipv4]\nmethod=auto\n", 0o600
            ),
        },
        "ro",
    ),
    "dhcpcd": ({**OFF, **service("dhcpcd.service")}, "ro"),
    "netplan matches every card": (
        {**OFF, **netplan("    all:\n      match: {name: 'e*'}\n      dhcp4: true\n")},
        "ro",
    ),
    "netplan matches the driver": (
        {**OFF, **netplan("    all:\n      match: {driver: virtio_net}\n      dhcp4: yes\n")},
        "ro",
    ),
    "networkd matches every card": ({**OFF, **network("[Match]\nName=en*\n[Network]\nDHCP=yes\n")}, "ro"),
    "networkd by type": ({**OFF, **network("[Match]\nType=ether\n[Network]\nDHCP=ipv4\n")}, "ro"),
    "eth0 with net.ifnames=0": (
        {**OFF, **interfaces("auto eth0\niface eth0 inet dhcp\n")},
        "ro net.ifnames=0",
    ),
    "eth0 where udev's rule is masked": (
        {
            **OFF,
            **interfaces("allow-hotplug eth0\niface eth0 inet dhcp\n"),
            "/etc/udev/rules.d/80-net-setup-link.rules": Link("/dev/null"),
        },
        "ro",
    ),
    "both names": (
        {
            **OFF,
            **interfaces("source interfaces.d/*\n"),
            "/etc/network/interfaces.d/a": "auto ens3 enp1s0\niface ens3 inet dhcp\niface enp1s0 inet dhcp\n",
        },
        "ro",
    ),
    "ifcfg with net.ifnames=0": (
        {
            **OFF,
            **service("network.service"),
            "/etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n",
        },
        "net.ifnames=0",
    ),
}


@pytest.mark.parametrize(("files", "line"), FINE.values(), ids=FINE)
def test_gets_its_address(files: dict[str, Content], line: str) -> None:
    assert troubles(files, line) == []


STOPS: dict[str, tuple[dict[str, Content], str]] = {
    "disabled, and another machine's card (image-builder 1480)": (
        {**OFF, **netplan("    ens192: {dhcp4: true}\n")},
        "ro",
    ),
    "disabled, and a fixed address": (
        {**OFF, **netplan("    ens192:\n      addresses: [10.1.1.5/24]\n      gateway4: 10.1.1.1\n")},
        "ro",
    ),
    "disabled, and a fixed address of this card": (
        {**OFF, **interfaces("auto ens3\niface ens3 inet static\n address 10.0.0.2\n")},
        "ro",
    ),
    "disabled, and nothing else": (OFF, "ro"),
    "disabled on the command line": (netplan("    ens192: {dhcp4: true}\n"), "ro network-config=disabled"),
    "netplan by hardware address": (
        {**OFF, **netplan("    a:\n      match: {macaddress: '00:50:56:00:00:01'}\n      dhcp4: true\n")},
        "ro",
    ),
    "ifupdown that nothing starts": (
        {
            **OFF,
            "/etc/network/interfaces": "auto ens3 enp1s0\niface ens3 inet dhcp\niface enp1s0 inet dhcp\n",
        },
        "ro",
    ),
    "a stanza without auto": ({**OFF, **interfaces("iface ens3 inet dhcp\n")}, "ro"),
    "eth0 where it is called otherwise": ({**OFF, **interfaces("auto eth0\niface eth0 inet dhcp\n")}, "ro"),
    "the first file of networkd has no DHCP": (
        {
            **OFF,
            **network("[Match]\nName=en*\n[Network]\nAddress=10.0.0.2/24\n"),
            "/etc/systemd/network/20-y.network": "[Match]\nName=en*\n[Network]\nDHCP=yes\n",
        },
        "ro",
    ),
    "NetworkManager makes none of its own": (
        {
            **OFF,
            **MANAGER,
            **NO_AUTO,
            "/etc/NetworkManager/system-connections/ens192.nmconnection": "[connection]\ntype=ethernet\ninterface-name=ens192\n[ipv4]\nmethod=auto\n",
        },
        "ro",
    ),
    "ifcfg of another card": (
        {
            **OFF,
            **MANAGER,
            **NO_AUTO,
            "/etc/sysconfig/network-scripts/ifcfg-ens192": "BOOTPROTO=dhcp\nONBOOT=yes\n",
        },
        "ro",
    ),
}


@pytest.mark.parametrize(("files", "line"), STOPS.values(), ids=STOPS)
def test_has_no_network(files: dict[str, Content], line: str) -> None:
    ((effect, message),) = troubles(files, line)
    assert effect == "stops"
    assert "the instance has no network" in message


@pytest.mark.parametrize(
    ("name", "missing"), [("ens3", "enp1s0 (machine type q35)"), ("enp1s0", "ens3 (machine type pc)")]
)
def test_a_name_of_one_machine_type(name: str, missing: str) -> None:
    ((effect, message),) = troubles({**OFF, **interfaces(f"auto {name}\niface {name} inet dhcp\n")})
    assert effect == "waits"
    assert missing in message


@pytest.mark.parametrize(
    "files",
    [
        netplan("    ens192:\n      addresses: [10.1.1.5/24]\n"),
        interfaces("auto ens3\niface ens3 inet static\n"),
        {"/etc/sysconfig/network-scripts/ifcfg-ens192": "BOOTPROTO=none\nIPADDR=10.0.0.2\n"},
        {
            "/etc/NetworkManager/system-connections/a": File(
                "[connection]\ntype=ethernet\n[ipv4]\nmethod=manual\n", 0o600
            )
        },
    ],
)
def test_a_fixed_address_beside_cloud_init_is_a_warning(files: dict[str, Content]) -> None:
    ((effect, message),) = troubles(files)
    assert effect == "waits"
    assert "fixed address" in message


def drop_in(setting: str) -> dict[str, Content]:
    return {
        f"{ETC}/systemd-networkd.service.d/x.conf": f"[Service]\n{setting}\n",
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    }


@pytest.mark.parametrize(
    ("files", "line", "effects"),
    [
        (NETWORKD, "ro systemd.mask=systemd-networkd.service", ["stops"]),
        ({**NETWORKD, f"{ETC}/systemd-networkd.service": Link("/dev/null")}, "ro", ["stops"]),
        ({**NETWORKD, **MANAGER, f"{ETC}/systemd-networkd.service": Link("/dev/null")}, "ro", []),
        ({**NETWORKD, "/etc/init.d/network": "#!/bin/sh\n"}, "ro systemd.mask=systemd-networkd.service", []),
        (NETWORKD, "ro ip=dhcp systemd.mask=systemd-networkd.service", []),
        (NETWORKD, "ro", []),
        ({**NETWORKD, **drop_in("User=nonexistent")}, "ro", ["stops"]),
        ({**NETWORKD, **drop_in("BindPaths=/nonexistent")}, "ro", ["stops"]),
        ({**NETWORKD, **drop_in("BindPaths=-/nonexistent")}, "ro", []),
    ],
)
def test_what_reads_the_files_of_cloud_init_does_not_run(
    files: dict[str, Content], line: str, effects: list[str]
) -> None:
    assert [effect for effect, _ in troubles(files, line)] == effects


def test_without_cloud_init_and_any_configuration_nothing_is_said() -> None:
    assert troubles({}, enabled=False) == []
    assert troubles(netplan("    ens192: {dhcp4: true}\n"), enabled=False)[0][0] == "stops"
