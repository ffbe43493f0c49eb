"""The image has no SSH host keys of its own.

What it checks
    No private key of the form /etc/ssh/ssh_host_*_key, none where sshd_config names another one (HostKey),
    none of dropbear or TinySSH, and no ssh_keys in cloud-init's own configuration.

Why it matters
    Every instance would have the same host keys, and whoever has the image has them too: a connection to any
    of the instances can be intercepted without a warning.

How to fix
    rm /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
    (cloud-init makes new ones at the first boot)
    In an image file:  virt-sysprep -a IMAGE --operations ssh-hostkeys
"""

from collections.abc import Sequence

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_operands


def judge(linux: LinuxFacts) -> Verdict:
    """The list of keys is empty."""
    match linux.ssh_host_keys:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed("no SSH host keys are baked in", evidence)
        case Known(keys, _):
            return failed(
                f"{len(keys)} SSH host key(s) are baked in: every instance will have the same",
                ", ".join(keys),
                _remedy(keys),
            )


def _remedy(keys: Sequence[str]) -> str:
    if all(one.startswith("/etc/ssh/ssh_host_") for one in keys):
        return "remove them: `rm /etc/ssh/ssh_host_*_key*`; cloud-init makes new ones"
    words = shell_operands(one for one in keys if ": " not in one)
    return f"remove them: `rm {words}`" if words else "take them out of the image"


CHECK = Check("ssh-host-keys", Severity.ERROR, on_linux(judge))
