"""No interface is tied to the hardware address of another machine.

What it checks
    udev's rules (70-persistent-net.rules), ifcfg files (HWADDR, MACADDR, LLADDR), netplan (macaddress),
    systemd's .link and .network files (MACAddress), NetworkManager's connections (mac-address and
    cloned-mac-address), /etc/network/interfaces (hwaddress), cloud-init's own configuration (mac_address,
    macaddress), /etc/mactab and /etc/iftab.

Why it matters
    Each port of Neutron has an address of its own. An interface that is tied to that of the machine on which
    the image was made does not come up; one that takes that address is cut off by Neutron's spoofing filter.

How to fix
    rm /etc/udev/rules.d/70-persistent-net.rules /etc/netplan/50-cloud-init.yaml
    sed -i '/^HWADDR=/d' /etc/sysconfig/network-scripts/ifcfg-*
    (cloud-init writes the network's configuration anew on each instance)
"""

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_operands


def judge(linux: LinuxFacts) -> Verdict:
    """The list of files is empty."""
    match linux.pinned_macs:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed("no hardware address is pinned", evidence)
        case Known(paths, evidence):
            return failed(
                "the network is tied to another machine's hardware address",
                evidence,
                _remedy(paths),
            )


def _remedy(paths: tuple[str, ...]) -> str:
    words = shell_operands(paths)
    command = f": `rm {words}`" if words is not None else ""
    return f"take the line out, or the file where cloud-init wrote it{command}"


CHECK = Check("mac-unpinned", Severity.ERROR, on_linux(judge))
