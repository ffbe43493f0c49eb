"""cloud-init runs at boot.

What it checks
    No /etc/cloud/cloud-init.disabled, not switched off on the kernel's command line, its units not masked.

Why it matters
    A disabled cloud-init does nothing at all: no SSH key, no host name, no network configuration.

How to fix
    rm /etc/cloud/cloud-init.disabled
    systemctl enable cloud-init-local cloud-init cloud-config cloud-final
    and remove cloud-init=disabled from the kernel's command line
"""

from imgtool.checks.check import Check, Verdict, is_false, on_linux, require, skipped
from imgtool.model.judgement import Severity
from imgtool.model.linux import LinuxFacts


def judge(linux: LinuxFacts) -> Verdict:
    """Nothing switches it off."""
    if is_false(linux.cloud_init.installed):
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    return require(
        linux.cloud_init.enabled,
        good="cloud-init is enabled",
        bad="cloud-init will not run",
        remedy="remove what is named there, e.g. `rm /etc/cloud/cloud-init.disabled`",
    )


CHECK = Check("cloud-init-enabled", Severity.ERROR, on_linux(judge))
