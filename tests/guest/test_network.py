"""Interfaces that are tied to a hardware address."""

import pytest
from support.guest_tree import Unreadable, guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.network import read_pinned_macs

MAC = "52:54:00:12:34:56"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "/etc/udev/rules.d/70-persistent-net.rules",
            f'SUBSYSTEM=="net", ACTION=="add", ATTR{{address}}=="{MAC}", NAME="eth0"\n',
        ),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0", f"DEVICE=eth0\nHWADDR={MAC}\n"),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0", f'MACADDR="{MAC}"\n'),
        ("/etc/sysconfig/network/ifcfg-eth0", f"LLADDR='{MAC}'\n"),
        (
            "/etc/netplan/50-cloud-init.yaml",
            f"network:\n  ethernets:\n    eth0:\n      match:\n        macaddress: {MAC}\n",
        ),
        ("/etc/netplan/a.yaml", f'network: {{ethernets: {{e: {{match: {{macaddress: "{MAC}"}}}}}}}}\n'),
        ("/etc/systemd/network/10-eth0.link", f"[Match]\nMACAddress={MAC}\n[Link]\nName=eth0\n"),
        ("/etc/systemd/network/10-eth0.link", f"[Match]\nPermanentMACAddress={MAC}\n"),
        ("/etc/systemd/network/10-eth0.network", "[Match]\nMACAddress = 52-54-00-12-34-56\n"),
        ("/etc/NetworkManager/system-connections/eth0.nmconnection", f"[ethernet]\nmac-address={MAC}\n"),
        ("/etc/NetworkManager/system-connections/eth0", f"[ethernet]\ncloned-mac-address={MAC.upper()}\n"),
        ("/etc/network/interfaces", f"iface eth0 inet dhcp\n\thwaddress ether {MAC}\n"),
        ("/usr/lib/udev/rules.d/70-persistent-net.rules", f'ATTR{{address}}=="{MAC}", NAME="eth0"\n'),
        (
            "/etc/udev/rules.d/70-persistent-net.rules",
            f'SUBSYSTEM=="net", SYSFS{{address}}=="{MAC}", NAME="eth0"\n',
        ),
        ("/etc/mactab", f"eth0 {MAC}\n"),
        ("/etc/iftab", f"eth0 mac {MAC}\n"),
        (
            "/etc/cloud/cloud.cfg.d/50-curtin-networking.cfg",
            f"network:\n  version: 1\n  config:\n  - type: physical\n    mac_address: {MAC}\n",
        ),
        (
            "/etc/cloud/cloud.cfg.d/90-installer-network.cfg",
            f"network: {{ethernets: {{a: {{match: {{macaddress: '{MAC}'}}}}}}}}\n",
        ),
        ("/etc/network/interfaces.d/50-cloud-init", f"iface eth0 inet dhcp\n  hwaddress {MAC}\n"),
    ],
)
def test_every_way_to_pin_one(path: str, text: str) -> None:
    fact = read_pinned_macs(guest_tree({path: text}))
    assert fact.value == (path,)
    assert fact.evidence.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/udev/rules.d/75-net.rules", 'ATTR{address}=="?*", NAME="eth0"\n'),
        ("/etc/udev/rules.d/70-persistent-net.rules", f'# ATTR{{address}}=="{MAC}"\n'),
        ("/etc/udev/rules.d/70-persistent-net.rules", ""),
        (
            "/etc/sysconfig/network-scripts/ifcfg-eth0",
            "DEVICE=eth0\nBOOTPROTO=dhcp\n#HWADDR=52:54:00:12:34:56\n",
        ),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0.bak", f"HWADDR={MAC}\n"),
        ("/etc/sysconfig/network-scripts/ifup-eth", f"HWADDR={MAC}\n"),
        ("/etc/netplan/90-default.yaml", "network: {ethernets: {all: {match: {name: en*}, dhcp4: true}}}\n"),
        ("/etc/netplan/a.yaml", "network: {ethernets: {e: {macaddress: random}}}\n"),
        ("/usr/lib/systemd/network/99-default.link", "[Link]\nMACAddressPolicy=persistent\n"),
        ("/usr/lib/systemd/network/73-usb.link", "[Match]\nMACAddress=\n"),
        (
            "/etc/NetworkManager/system-connections/e.nmconnection",
            "[ethernet]\ncloned-mac-address=preserve\n",
        ),
        (
            "/etc/NetworkManager/system-connections/e.nmconnection",
            f"[ethernet]\nmac-address-blacklist={MAC}\n",
        ),
        ("/etc/network/interfaces", f"# hwaddress ether {MAC}\nauto lo\niface lo inet loopback\n"),
        ("/etc/hosts", "127.0.0.1 localhost\n"),
        ("/etc/netplan/a.yml", f"network: {{ethernets: {{e: {{match: {{macaddress: '{MAC}'}}}}}}}}\n"),
        (
            "/etc/udev/rules.d/90-bt.rules",
            f'SUBSYSTEM=="bluetooth", ATTR{{address}}=="{MAC}", RUN+="/bin/x"\n',
        ),
    ],
)
def test_what_pins_nothing(path: str, text: str) -> None:
    fact = read_pinned_macs(guest_tree({path: text}))
    assert fact.value == ()
    assert fact.evidence


def test_an_unreadable_file_is_no_answer() -> None:
    with pytest.raises(GuestReadError):
        read_pinned_macs(guest_tree({"/etc/netplan/50-cloud-init.yaml": Unreadable()}))


def test_control_characters_in_a_line_are_made_harmless() -> None:
    fact = read_pinned_macs(guest_tree({"/etc/netplan/a.yaml": f"macaddress: {MAC} # \x1b[31m\n"}))
    assert fact.value
    assert "\x1b" not in fact.evidence
