"""cloud-init runs at boot.

What it checks
    Nothing switches it off: /etc/cloud/cloud-init.disabled, the kernel's command line, ds-identify's policy.
    Its generator runs (not masked, executable), and the boot starts all its stages, by systemd's own rules or
    by the runlevels of OpenRC. Its program can be run, and its package of Python is whole. What it writes for
    each instance is not immutable (chattr +i): its state, the accounts where it makes a user, /etc/ssh.
    It lets somebody in: its configuration makes a default user, who gets the instance's keys, or leaves root
    to them; sshd gets a host key; and metadata is asked for where OpenStack has it.

Why it matters
    A disabled cloud-init does nothing at all: no SSH key, no host name, no network configuration.

How to fix
    rm /etc/cloud/cloud-init.disabled
    systemctl enable cloud-init-local cloud-init cloud-config cloud-final
    chattr -ia /etc/passwd /etc/shadow /etc/group /etc/gshadow
    and remove cloud-init=disabled from the kernel's command line; leave `users: [default]` and
    system_info: default_user as cloud-init's package has them
"""

import re

from imgtool.checks.check import Check, Verdict, is_false, on_linux, require, skipped
from imgtool.model.facts import Fact, Known
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity

BROKEN = ("is not executable", "is not there", "has no bytes", "NUL bytes", "cut off", "no package", "needs")
"""What the evidence says of a program, or of its package of Python, that is not whole."""

OF_ACCESS = ("no default user", "ssh_genkeytypes", "metadata_urls")
"""What the evidence says of settings that let nobody in."""
ACCESS_REMEDY = "take that key out of the file, and leave `users: [default]` in /etc/cloud/cloud.cfg"

OF_A_SETTING = re.compile(r"\b[A-Z][A-Za-z]+=|EnvironmentFile ")
"""What the evidence has of a unit's setting that keeps a stage from running."""


def judge(linux: LinuxFacts) -> Verdict:
    """Nothing switches it off."""
    if is_false(linux.cloud_init.installed):
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    return require(
        linux.cloud_init.enabled,
        good="cloud-init is enabled",
        bad=f"cloud-init will {_what_not(linux.cloud_init.enabled)}",
        remedy=ACCESS_REMEDY
        if _is_of_access(linux.cloud_init.enabled)
        else _remedy(linux.cloud_init.enabled),
    )


def _what_not(enabled: Fact[bool]) -> str:
    return "let nobody in" if _is_of_access(enabled) else "not run"


def _is_of_access(enabled: Fact[bool]) -> bool:
    said = enabled.evidence if isinstance(enabled, Known) else ""
    return any(word in said for word in OF_ACCESS)


def _remedy(enabled: Fact[bool]) -> str:
    said = enabled.evidence if isinstance(enabled, Known) else ""
    if "is immutable" in said:
        return f"`chattr -ia {said.partition(' is immutable')[0]}`, in the guest or in the mounted image"
    if "mask" in said:
        return "remove the mask that is named there, e.g. `systemctl unmask cloud-init.target`, or the option"
    if OF_A_SETTING.search(said):
        return "take that setting out of the unit, or of its drop-in below /etc/systemd/system, or correct it"
    if any(word in said for word in BROKEN):
        return "`virt-customize -a IMAGE --install cloud-init`, or install the package again in the guest"
    if "starts" in said:
        return "`systemctl enable cloud-init-local cloud-init cloud-config cloud-final`, or with rc-update"
    return "remove what is named there, e.g. `rm /etc/cloud/cloud-init.disabled`"


CHECK = Check("cloud-init-enabled", Severity.ERROR, on_linux(judge))
