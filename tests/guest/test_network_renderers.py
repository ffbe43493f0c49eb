"""What cloud-init's own configuration says of the network, and who reads what cloud-init writes."""

import pytest
from support.facts import cloud_init
from support.guest_tree import Content, Link, guest_tree
from support.network_trees import (
    DPKG,
    GENERATOR,
    IFUP,
    IFUPDOWN,
    MANAGER,
    NETWORKD,
    OFF,
    cloud,
    service,
    troubles,
)
from support.units import ETC, LIB

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.network_default import NetworkBoot, read_network_troubles

V1 = "network: {version: 1, config: [{type: physical, name: %s, %s subnets: [{type: %s}]}]}"
ETH0: dict[str, Content] = {"/etc/systemd/network/99-default.link": Link("/dev/null")}
BY_CLOUD_INIT: dict[str, tuple[dict[str, Content], list[str]]] = {
    "another machine's card": (cloud("network: {version: 2, ethernets: {ens192: {dhcp4: true}}}"), ["stops"]),
    "a fixed address": (
        cloud("network: {version: 2, ethernets: {ens3: {addresses: [10.1.1.5/24]}}}"),
        ["stops"],
    ),
    "below network once more": (
        cloud("network: {network: {version: 2, ethernets: {ens192: {dhcp4: true}}}}"),
        ["stops"],
    ),
    "every card": (cloud("network: {version: 2, ethernets: {a: {match: {name: e*}, dhcp4: true}}}"), []),
    "by another's address": (
        cloud(
            "network: {version: 2, ethernets: {a: {match: {macaddress: '52:54:00:12:34:56'}, dhcp4: true}}}"
        ),
        ["stops"],
    ),
    "of one machine type": (cloud("network: {version: 2, ethernets: {ens3: {dhcp4: true}}}"), ["waits"]),
    "no version": (cloud("network: {ethernets: {ens3: {dhcp4: true}}}"), ["stops"]),
    "version 1": ({**ETH0, **cloud(V1 % ("eth0", "", "dhcp"))}, []),
    "version 1, another card": (cloud(V1 % ("eth0", "", "dhcp")), ["stops"]),
    "version 1, fixed": ({**ETH0, **cloud(V1 % ("eth0", "", "static"))}, ["stops"]),
    "version 1, by another's address": (
        {**ETH0, **cloud(V1 % ("eth0", "mac_address: '52:54:00:12:34:56',", "dhcp"))},
        ["stops"],
    ),
    "nothing": (cloud("network:\n"), []),
    "it was upgraded": ({"/var/lib/cloud/data/upgraded-network": ""}, ["stops"]),
    "a file of networkd's comes first": (
        {
            **NETWORKD,
            "/usr/sbin/ip": "\x7fELF",
            "/usr/bin/systemctl": "\x7fELF",
            "/etc/systemd/network/05-x.network": "[Match]\nName=*\n[Network]\nLLDP=no\n",
        },
        ["stops"],
    ),
}


@pytest.mark.parametrize(("files", "effects"), BY_CLOUD_INIT.values(), ids=BY_CLOUD_INIT)
def test_what_cloud_init_s_own_files_say_counts_more_than_openstack(
    files: dict[str, Content], effects: list[str]
) -> None:
    assert [effect for effect, _ in troubles(files)] == effects


OFF_NETWORKD: dict[str, Content] = {f"{LIB}/systemd-networkd.service": "[Service]\nExecStart=/bin/x\n"}
OFF_MANAGER: dict[str, Content] = {f"{LIB}/NetworkManager.service": "[Service]\nExecStart=/bin/x\n"}
NETPLAN: dict[str, Content] = {**GENERATOR, "/usr/sbin/netplan": "\x7fELF"}
IP: dict[str, Content] = {"/usr/sbin/ip": "\x7fELF", "/usr/bin/systemctl": "\x7fELF"}
ENI: dict[str, Content] = {**IFUP, "/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}
CLIENT: dict[str, Content] = {"/sbin/dhclient": "\x7fELF"}
RENDERERS: dict[str, tuple[dict[str, Content], list[str]]] = {
    "networkd is on": ({**IP, **NETWORKD}, []),
    "networkd is off": ({**IP, **OFF_NETWORKD}, ["stops"]),
    "a condition keeps networkd from starting": (
        {**IP, **NETWORKD, f"{ETC}/systemd-networkd.service.d/x.conf": "[Unit]\nConditionPathExists=/x\n"},
        ["stops"],
    ),
    "netplan starts networkd": ({**NETPLAN, **IP, **OFF_NETWORKD}, []),
    "netplan, and networkd is masked": (
        {**NETPLAN, **IP, **NETWORKD, f"{ETC}/systemd-networkd.service": Link("/dev/null")},
        ["stops"],
    ),
    "netplan for NetworkManager, which is off": (
        {**NETPLAN, **OFF_MANAGER, "/etc/netplan/01-x.yaml": "network: {renderer: NetworkManager}"},
        ["stops"],
    ),
    "netplan for NetworkManager": (
        {**NETPLAN, **MANAGER, "/etc/netplan/01-x.yaml": "network: {renderer: NetworkManager}"},
        [],
    ),
    "netplan, and a wrong file beside": (
        {
            **NETPLAN,
            **NETWORKD,
            "/etc/netplan/01-x.yaml": "network: {bogus: 1}",
            "/var/lib/dpkg/status": DPKG.format("0.106"),
        },
        ["stops"],
    ),
    "ifupdown": ({**ENI, **CLIENT, **IFUPDOWN}, []),
    "ifupdown is off": (
        {**ENI, **CLIENT, f"{LIB}/networking.service": "[Service]\nExecStart=/bin/x\n"},
        ["stops"],
    ),
    "ifupdown without a client": ({**ENI, **IFUPDOWN}, ["stops"]),
    "ifupdown, and a wrong line": (
        {**ENI, **CLIENT, **IFUPDOWN, "/etc/network/interfaces": "dhcp\n"},
        ["stops"],
    ),
    "ifupdown comes after netplan by the list": (
        {
            **ENI,
            **NETPLAN,
            **NETWORKD,
            **cloud("system_info: {network: {renderers: [netplan, eni, networkd]}}\n", "10-x.cfg"),
        },
        [],
    ),
    "NetworkManager is off": (
        {**OFF_MANAGER, **IP, "/usr/bin/nmcli": "\x7fELF", "/etc/NetworkManager/NetworkManager.conf": ""},
        ["stops"],
    ),
    "NetworkManager": (
        {**MANAGER, **IP, "/usr/bin/nmcli": "\x7fELF", "/etc/NetworkManager/NetworkManager.conf": ""},
        [],
    ),
    "nothing is seen of any renderer": (OFF_NETWORKD, []),
    "networkd is off, and NetworkManager takes every card": ({**IP, **OFF_NETWORKD, **MANAGER}, []),
    "SUSE's wicked": (
        {
            **IP,
            **{path: content for path, content in IFUP.items() if "ifquery" not in path},
            **service("wicked.service"),
            "/etc/sysconfig/network/config": "",
        },
        [],
    ),
    "SUSE's wicked is off": (
        {
            **IP,
            **{path: content for path, content in IFUP.items() if "ifquery" not in path},
            f"{LIB}/wicked.service": "[Service]\nExecStart=/bin/x\n",
            "/etc/sysconfig/network/config": "",
        },
        ["stops"],
    ),
}


@pytest.mark.parametrize(("files", "effects"), RENDERERS.values(), ids=RENDERERS)
def test_what_cloud_init_writes_is_read_by_a_program_that_runs(
    files: dict[str, Content], effects: list[str]
) -> None:
    assert [effect for effect, _ in troubles(files)] == effects


NETWORKING: dict[str, Content] = {
    "/etc/init.d/networking": "#!/sbin/openrc-run\ndepend() {\n\tprovide net\n}\n",
    "/etc/init.d/sshd": "#!/sbin/openrc-run\ndepend() {\n\tuse net\n}\n",
    "/etc/runlevels/default/sshd": Link("/etc/init.d/sshd"),
    "/etc/network/interfaces": "auto eth0\niface eth0 inet dhcp\n",
}
NEEDS: dict[str, Content] = {"/etc/init.d/sshd": "#!/sbin/openrc-run\ndepend() {\n\tneed net\n}\n"}


@pytest.mark.parametrize("off", [{}, OFF])
@pytest.mark.parametrize(
    ("files", "effects"),
    [
        (NETWORKING, ["stops"]),
        ({**NETWORKING, "/etc/runlevels/boot/networking": Link("/etc/init.d/networking")}, []),
        ({**NETWORKING, "/etc/runlevels/default/dhcpcd": Link("/etc/init.d/dhcpcd")}, []),
        ({**NETWORKING, **NEEDS}, []),
    ],
)
def test_openrc_starts_the_network_by_a_runlevel(
    files: dict[str, Content], off: dict[str, Content], effects: list[str]
) -> None:
    tree = guest_tree({**off, **files})
    boot = NetworkBoot(parse_command_line(""), None)
    found = read_network_troubles(tree, boot, cloud_init(), cloud_config_fact(tree))
    assert [one.effect for one in found.value] == effects
