"""The first network card of an instance gets its address.

What it checks
    Who configures the network at boot: cloud-init, by what its own files say of `network`, else by what
    OpenStack says; with `network: {config: disabled}` netplan, ifupdown, NetworkManager, systemd-networkd,
    ifcfg files, dhcpcd. Each file is read as its program reads it (precedence, patterns, files that it passes
    over or cannot parse). What is found must mean the card of an instance: by its name (ens3 on machine type
    pc, enp1s0 on q35, eth0 with net.ifnames=0, or what .link files and udev's rules say), and with DHCP for
    IPv4. The program that brings it up, or that reads what cloud-init writes, must be there and start.

Why it matters
    Installers write the name of their own machine's card, or a fixed address, and switch cloud-init's network
    off. The instance then has no network, no metadata and no way in.

How to fix
    rm /etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg /etc/netplan/00-installer-config.yaml
    ifupdown, NetworkManager, networkd: match every card (`en*`) and use DHCP, or leave it to cloud-init.
"""

from imgtool.checks.check import Check, Verdict, on_linux
from imgtool.checks.troubles import worst
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """Something asks for an address for the card that an instance has."""
    return worst(linux.user_space.network, "the first network card gets its address")


CHECK = Check("network-default", Severity.ERROR, on_linux(judge))
