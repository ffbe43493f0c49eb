"""Each program's files as that program reads them."""

import pytest
from support.facts import cloud_init
from support.guest_tree import Content, File, Link, guest_tree
from support.network_trees import (
    DPKG,
    GENERATOR,
    IFUP,
    MANAGER,
    NETWORKD,
    NO_AUTO,
    OFF,
    UDEV,
    interfaces,
    netplan,
    network,
    troubles,
)
from support.units import ETC, SYSTEM

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.network_default import NetworkBoot, read_network_troubles
from imgtool.guest.systemd import Machine, what_starts

KEYFILE = "/etc/NetworkManager/system-connections/x.nmconnection"


def keyfile(text: str, permissions: int = 0o600) -> dict[str, Content]:
    whole = f"[connection]\ntype=ethernet\n{text}\n[ipv4]\nmethod=auto\n"
    return {**MANAGER, **NO_AUTO, KEYFILE: File(whole, permissions)}


def link(text: str) -> dict[str, Content]:
    return {**interfaces("auto eth0\niface eth0 inet dhcp\n"), "/etc/systemd/network/10-x.link": text}


def rule(text: str) -> dict[str, Content]:
    return {**interfaces("auto eth0\niface eth0 inet dhcp\n"), "/etc/udev/rules.d/70-x.rules": f"{text}\n"}


def ifcfg(text: str) -> dict[str, Content]:
    return {**NO_AUTO, "/etc/sysconfig/network-scripts/ifcfg-eth0": f"DEVICE=eth0\nBOOTPROTO=dhcp\n{text}"}


OF_DEBIAN = "[main]\nplugins=ifupdown,keyfile\n[ifupdown]\nmanaged=false\n"
BOTH = "iface ens3 inet dhcp\niface enp1s0 inet dhcp\n"
SERVED: dict[str, dict[str, Content]] = {
    "source-directory": {
        **interfaces("source-directory interfaces.d\n"),
        "/etc/network/interfaces.d/x": f"auto ens3 enp1s0\n{BOTH}",
    },
    "source with a pattern of directories": {
        **interfaces("source /etc/network/*.d/*.cfg\n"),
        "/etc/network/interfaces.d/x.cfg": f"auto ens3 enp1s0\n{BOTH}",
    },
    "auto with a pattern that leads to a stanza": interfaces("auto /en*=lan\niface lan inet dhcp\n"),
    "auto with a pattern": interfaces(f"auto /en*\n{BOTH}"),
    "a stanza that inherits": interfaces("auto /en*=lan\niface base inet dhcp\niface lan inherits base\n"),
    "a comment that ends in a backslash": interfaces(f"# x \\\nauto ens3 enp1s0\n{BOTH}"),
    "ifupdown-ng": {
        **interfaces("auto ens3 enp1s0\niface ens3\n use dhcp\niface enp1s0 inet dhcp\n"),
        "/usr/libexec/ifupdown-ng/dhcp": "#!/bin/sh\n",
    },
    "an option twice": interfaces(f"auto ens3 enp1s0\n{BOTH} metric 1\n metric 2\n"),
    "ifup with udhcpc": {**interfaces(f"auto ens3 enp1s0\n{BOTH}"), **IFUP, "/sbin/udhcpc": "\x7fELF"},
    "netplan: the later file counts": {
        **netplan("    a: {match: {name: en*}, dhcp4: no}\n"),
        "/etc/netplan/90-x.yaml": "network: {ethernets: {a: {dhcp4: yes}}}",
    },
    "netplan: a bridge gets the address": netplan(
        "    a: {match: {name: en*}}\n  bridges:\n    br0: {interfaces: [a], dhcp4: true}\n"
    ),
    "netplan: by a list of drivers": netplan("    a: {match: {driver: [e1000, virtio_net]}, dhcp4: y}\n"),
    "netplan 1.1 leaves a wrong file out": {
        **netplan("    a: {match: {name: en*}, dhcp4: true}\n"),
        "/etc/netplan/10-x.yaml": "network:\n\tversion: 2\n",
        "/var/lib/dpkg/status": DPKG.format("1.1.2-2"),
    },
    "netplan for NetworkManager": {
        **netplan("    a: {match: {name: en*}, dhcp4: true, renderer: NetworkManager}\n"),
        **MANAGER,
        **NO_AUTO,
    },
    "networkd: a list that is turned around": network("[Match]\nName=!lo wl*\n[Network]\nDHCP=v4\n"),
    "networkd: by driver and virtualization": network(
        "[Match]\nDriver=virtio_net\nVirtualization=kvm\n[Network]\nDHCP=yes\n"
    ),
    "networkd: a file of the command line's, which is not there": {
        **network("[Match]\nName=*\nKernelCommandLine=!netboot\n[Network]\nDHCP=yes\n"),
        "/etc/systemd/network/05-x.network": "[Match]\nName=*\nKernelCommandLine=netboot\n[Network]\n",
    },
    "networkd: DHCP in a drop-in": {
        **network("[Match]\nName=en*\n[Network]\n"),
        "/etc/systemd/network/10-x.network.d/a.conf": "[Network]\nDHCP=yes\n",
    },
    "networkd: a masked file": {
        **network("[Match]\nName=en*\n[Network]\nDHCP=yes\n"),
        "/etc/systemd/network/05-x.network": Link("/dev/null"),
        "/usr/lib/systemd/network/05-x.network": "[Match]\nName=en*\n",
    },
    "NetworkManager: a pattern of names": keyfile("[match]\ninterface-name=en*;!enx*;"),
    "NetworkManager: a later file takes no-auto-default back": {
        **MANAGER,
        **NO_AUTO,
        "/etc/NetworkManager/conf.d/x.conf": "[main]\nno-auto-default=\n",
    },
    "NetworkManager does not manage another card": {
        **MANAGER,
        "/etc/NetworkManager/conf.d/x.conf": "[device-x]\nmatch-device=interface-name:docker0\nmanaged=0\n",
    },
    "NetworkManager takes the cards that /etc/network/interfaces does not name": {
        **MANAGER,
        "/etc/NetworkManager/NetworkManager.conf": OF_DEBIAN,
        "/etc/network/interfaces": "auto lo\niface lo inet loopback\n",
    },
    "a .link file names it": link("[Match]\nDriver=virtio_net\n[Link]\nName=eth0\n"),
    "a .link file leaves the kernel's name": link("[Match]\nOriginalName=*\n[Link]\nNamePolicy=kernel\n"),
    "a udev rule names it": rule(
        'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", KERNEL=="eth*", NAME="eth0"'
    ),
    "ifcfg, read by NetworkManager": {
        **ifcfg(""),
        **MANAGER,
        "/etc/systemd/network/99-default.link": Link("/dev/null"),
        "/usr/lib64/NetworkManager/1.40.16-1.el8/libnm-settings-plugin-ifcfg-rh.so": "\x7fELF",
    },
}


@pytest.mark.parametrize("files", SERVED.values(), ids=SERVED)
def test_each_program_reads_its_files(files: dict[str, Content]) -> None:
    assert troubles({**OFF, **files}) == []


UNSERVED: dict[str, dict[str, Content]] = {
    "source-directory takes no name with a dot": {
        **interfaces("source-directory interfaces.d\n"),
        "/etc/network/interfaces.d/x.cfg": f"auto ens3 enp1s0\n{BOTH}",
    },
    "source takes no hidden file": {
        **interfaces("source interfaces.d/*\n"),
        "/etc/network/interfaces.d/.x": f"auto ens3 enp1s0\n{BOTH}",
    },
    "ifup knows no such method": interfaces(f"auto ens3 enp1s0\n{BOTH}iface ens9 inet dhpc\n"),
    "an option before any stanza": interfaces(f"metric 1\nauto ens3 enp1s0\n{BOTH}"),
    "an option without a value": interfaces(f"auto ens3 enp1s0\n{BOTH} metric\n"),
    "ifup without a client": {**interfaces(f"auto ens3 enp1s0\n{BOTH}"), **IFUP},
    "IPv6 alone": interfaces("auto ens3 enp1s0\niface ens3 inet6 dhcp\niface enp1s0 inet6 dhcp\n"),
    "netplan is not installed": {
        **NETWORKD,
        "/etc/netplan/x.yaml": "network: {ethernets: {a: {match: {name: en*}, dhcp4: true}}}",
        "/var/lib/dpkg/status": DPKG.format("1").replace("netplan.io", "x"),
    },
    "netplan's generator is masked": {
        **netplan("    a: {match: {name: en*}, dhcp4: true}\n"),
        "/etc/systemd/system-generators/netplan": Link("/dev/null"),
    },
    "netplan reads no .yml": {
        **GENERATOR,
        "/etc/netplan/x.yml": "network: {ethernets: {a: {match: {name: en*}, dhcp4: true}}}",
    },
    "netplan: the later file takes it back": {
        **netplan("    a: {match: {name: en*}, dhcp4: yes}\n"),
        "/etc/netplan/90-x.yaml": "network: {ethernets: {a: {dhcp4: no}}}",
    },
    "netplan: another driver": netplan("    a: {match: {name: en*, driver: vmxnet3}, dhcp4: true}\n"),
    "netplan: IPv6 alone": netplan("    a: {match: {name: en*}, dhcp6: true}\n"),
    "netplan: activated by hand": netplan(
        "    a: {match: {name: en*}, dhcp4: true, activation-mode: manual}\n"
    ),
    "netplan: for NetworkManager, which is not there": netplan(
        "    a: {match: {name: en*}, dhcp4: true}\n  renderer: NetworkManager\n"
    ),
    "netplan: networkd is masked": {
        **netplan("    a: {match: {name: en*}, dhcp4: true}\n"),
        f"{ETC}/systemd-networkd.service": Link("/dev/null"),
    },
    "netplan: a file of networkd's comes first": {
        **netplan("    a: {match: {name: en*}, dhcp4: true}\n"),
        "/etc/systemd/network/05-x.network": "[Match]\nName=*\n[Network]\nLLDP=no\n",
    },
    **{
        f"netplan before 1.1: {what}": {
            **netplan("    a: {match: {name: en*}, dhcp4: true}\n"),
            "/etc/netplan/90-x.yaml": text,
            "/var/lib/dpkg/status": DPKG.format("0.106-2+deb12u1"),
        }
        for what, text in {
            "a tab": "network:\n\tversion: 2\n",
            "an unknown key": "network: {ethernets: {b: {dhcp: true}}}",
            "no boolean": "network: {ethernets: {b: {dhcp4: maybe}}}",
            "a number as a boolean": "network: {ethernets: {b: {dhcp4: 1}}}",
            "another version": "network: {version: 1}",
            "no network": "ethernets: {b: {dhcp4: true}}",
            "no prefix": "network: {ethernets: {b: {addresses: [10.0.0.2]}}}",
            "no mapping": "network: {ethernets: {b: }}",
            "another renderer": "network: {renderer: networkmanager}",
            "a new name without a match": "network: {ethernets: {b: {set-name: lan0}}}",
            "cloud-init's key": "network: {config: disabled}",
            "nothing below network": "network:\n",
        }.items()
    },
    "networkd: no [Match]": network("[Network]\nDHCP=yes\n"),
    "networkd: another driver": network("[Match]\nName=en*\nDriver=vmxnet3\n[Network]\nDHCP=yes\n"),
    "networkd: another type": network("[Match]\nType=wlan\n[Network]\nDHCP=yes\n"),
    "networkd: an option that is not given": network(
        "[Match]\nName=en*\nKernelCommandLine=netboot\n[Network]\nDHCP=yes\n"
    ),
    "networkd: of containers": network("[Match]\nName=en*\nVirtualization=container\n[Network]\nDHCP=yes\n"),
    "networkd: IPv6 alone": network("[Match]\nName=en*\n[Network]\nDHCP=ipv6\n"),
    "networkd: not managed": network("[Match]\nName=en*\n[Link]\nUnmanaged=yes\n[Network]\nDHCP=yes\n"),
    "networkd: activated by hand": network(
        "[Match]\nName=en*\n[Link]\nActivationPolicy=manual\n[Network]\nDHCP=yes\n"
    ),
    "networkd: a drop-in takes it back": {
        **network("[Match]\nName=en*\n[Network]\nDHCP=yes\n"),
        "/usr/lib/systemd/network/10-x.network.d/a.conf": "[Network]\nDHCP=no\n",
    },
    "networkd: all names but these": network("[Match]\nName=!en*\n[Network]\nDHCP=yes\n"),
    "NetworkManager: others may read the connection": keyfile("", 0o644),
    "NetworkManager: no connection by itself": keyfile("autoconnect=false"),
    "NetworkManager: another's address": keyfile("[ethernet]\nmac-address=52:54:00:12:34:56"),
    "NetworkManager: another driver": keyfile("[match]\ndriver=vmxnet3;"),
    "NetworkManager: one that does not come up keeps another from being made": {
        **MANAGER,
        KEYFILE: File("[connection]\ntype=ethernet\nautoconnect=false\n", 0o600),
    },
    "NetworkManager: manages nothing": {
        **MANAGER,
        "/etc/NetworkManager/conf.d/x.conf": "[keyfile]\nunmanaged-devices=*\n",
    },
    "NetworkManager: manages no device": {
        **MANAGER,
        "/etc/NetworkManager/conf.d/x.conf": "[device]\nmanaged=0\n",
    },
    "NetworkManager: a condition keeps it from starting": {
        **MANAGER,
        f"{ETC}/NetworkManager.service.d/x.conf": "[Unit]\nConditionKernelCommandLine=desktop\n",
    },
    "a .link file takes the name away": {
        **interfaces(f"auto ens3 enp1s0\n{BOTH}"),
        "/etc/systemd/network/10-x.link": "[Match]\nType=ether\n[Link]\nName=lan0\n",
    },
    "a .link file names it by its address": {
        **interfaces(f"auto ens3 enp1s0\n{BOTH}"),
        "/etc/systemd/network/10-x.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=mac\n",
    },
    "a udev rule of another's address": rule(
        'SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:12:34:56", NAME="eth0"'
    ),
    "NetworkManager leaves the cards of /etc/network/interfaces to ifupdown, which is off": {
        **MANAGER,
        "/etc/NetworkManager/NetworkManager.conf": OF_DEBIAN,
        "/etc/network/interfaces": f"auto ens3 enp1s0\n{BOTH}",
    },
    "ifcfg with ONBOOT=no": {**ifcfg("ONBOOT=no\n"), **MANAGER},
    "ifcfg that NetworkManager must not touch": {**ifcfg("NM_CONTROLLED=no\n"), **MANAGER},
    "ifcfg without NetworkManager's plugin": {
        **ifcfg(""),
        **MANAGER,
        "/usr/lib64/NetworkManager/1.48.0-1.el10/libnm-device-plugin-wifi.so": "\x7fELF",
    },
}


@pytest.mark.parametrize("files", UNSERVED.values(), ids=UNSERVED)
def test_each_program_passes_over_what_it_does_not_read(files: dict[str, Content]) -> None:
    by_order: dict[str, Content] = (
        {"/etc/systemd/network/99-default.link": Link("/dev/null")} if "ifcfg-eth0" in "".join(files) else {}
    )
    ((effect, message),) = troubles({**OFF, **files, **by_order})
    assert effect == "stops"
    assert "the instance has no network" in message


@pytest.mark.parametrize(
    ("line", "effects"),
    [
        ("ip=dhcp", []),
        ("ip=ens3:dhcp", ["stops"]),
        ("ip=eth0:dhcp", ["stops"]),
        ("ip=:::::eth0:dhcp net.ifnames=0", []),
        ("ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:none", ["stops"]),
        ("ip=any", []),
    ],
)
def test_the_initramfs_asks_by_its_option(line: str, effects: list[str]) -> None:
    assert [effect for effect, _ in troubles(OFF, line)] == effects


def test_initramfs_tools_asks_only_for_a_root_on_the_network() -> None:
    tree = guest_tree({**SYSTEM, **UDEV, **OFF})
    line = parse_command_line("ip=dhcp")
    config = cloud_config_fact(tree)
    started = what_starts(tree, Machine(line))
    found = read_network_troubles(tree, NetworkBoot(line, started, "initramfs-tools"), cloud_init(), config)
    assert [one.effect for one in found.value] == ["stops"]
