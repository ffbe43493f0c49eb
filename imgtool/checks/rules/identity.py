"""Instances do not share a name that each machine must have for its own.

What it checks
    /etc/iscsi/initiatorname.iscsi with a fixed InitiatorName, /etc/nvme/hostnqn and hostid, a DHCP identifier
    that dhcpcd or wicked keeps, /etc/hostid beside ZFS; NetworkManager's secret_key, systemd's
    credential.secret and random-seed.

Why it matters
    Two initiators of one iSCSI name take each other's sessions over, and storage gives the volumes of one
    instance to another. The same holds for NVMe over fabrics. One DHCP identifier is one lease.

How to fix
    rm -f /etc/iscsi/initiatorname.iscsi        (Red Hat: iscsi-init.service makes a new one)
    echo GenerateName=yes > /etc/iscsi/initiatorname.iscsi                    (Debian, Ubuntu)
    rm -f /etc/nvme/hostnqn /etc/nvme/hostid /etc/dhcpcd.duid /var/lib/dhcpcd/duid
"""

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import enumerated, shell_operands


def judge(linux: LinuxFacts) -> Verdict:
    """No file holds such a name."""
    match linux.user_space.identity:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed("no name is shared by all instances", evidence)
        case Known(paths, evidence):
            return failed(
                f"every instance will have the same name or secret: {enumerated(paths)}",
                evidence,
                _remedy(paths),
            )


def _remedy(paths: tuple[str, ...]) -> str:
    words = shell_operands(paths)
    command = f"`rm {words}`" if words is not None else "take these files out"
    return f"{command} (Debian's initiatorname.iscsi: write GenerateName=yes into it)"


CHECK = Check("identity", Severity.WARNING, on_linux(judge))
