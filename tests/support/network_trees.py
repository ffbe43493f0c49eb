"""Trees whose network somebody configured, and what is said of them."""

from support.facts import cloud_init, known
from support.guest_tree import Content, Link, guest_tree
from support.units import ETC, LIB, SYSTEM

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.network_default import NetworkBoot, read_network_troubles
from imgtool.guest.systemd import Machine, what_starts

WANTED = f"{ETC}/multi-user.target.wants"
UDEV: dict[str, Content] = {
    "/usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\n"
    "NamePolicy=keep kernel database onboard slot path\n"
}
OFF: dict[str, Content] = {
    "/etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg": "network: {config: disabled}\n"
}


def service(name: str) -> dict[str, Content]:
    return {f"{LIB}/{name}": "[Service]\nExecStart=/bin/x\n", f"{WANTED}/{name}": Link(f"{LIB}/{name}")}


IFUPDOWN, NETWORKD = service("networking.service"), service("systemd-networkd.service")
MANAGER = service("NetworkManager.service")
NO_AUTO: dict[str, Content] = {"/usr/lib/NetworkManager/conf.d/00-server.conf": "[main]\nno-auto-default=*\n"}


def interfaces(text: str) -> dict[str, Content]:
    return {**IFUPDOWN, "/etc/network/interfaces": text}


def netplan(text: str) -> dict[str, Content]:
    return {
        "/usr/lib/systemd/system-generators/netplan": "\x7fELF",
        **NETWORKD,
        "/etc/netplan/00-installer-config.yaml": f"network:\n  version: 2\n  ethernets:\n{text}",
    }


def network(text: str) -> dict[str, Content]:
    return {**NETWORKD, "/etc/systemd/network/10-x.network": text}


def troubles(files: dict[str, Content], line: str = "ro", *, enabled: bool = True) -> list[tuple[str, str]]:
    tree = guest_tree({**SYSTEM, **UDEV, **files})
    command_line = parse_command_line(line)
    started = what_starts(tree, Machine(command_line))
    found = read_network_troubles(
        tree, NetworkBoot(command_line, started), cloud_init(enabled=known(enabled)), cloud_config_fact(tree)
    )
    return [(one.effect, one.message) for one in found.value]


GENERATOR: dict[str, Content] = {"/usr/lib/systemd/system-generators/netplan": "\x7fELF"}
IFUP: dict[str, Content] = {f"/sbin/{name}": "\x7fELF" for name in ("ifup", "ifdown", "ifquery")}
DPKG = "Package: netplan.io\nStatus: install ok installed\nVersion: {}\nArchitecture: amd64\n\n"


def cloud(text: str, name: str = "90-installer-network.cfg") -> dict[str, Content]:
    return {f"/etc/cloud/cloud.cfg.d/{name}": text}
