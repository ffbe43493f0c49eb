"""cloud-init is installed.

What it checks
    cloud-init's program is on the disk. What the package database says of it stands in the evidence and
    does not decide.

Why it matters
    It brings the instance its SSH keys, host name, network and user data from Nova, and lets the root file
    system grow to the flavor's size. Without it nobody can log in.

How to fix
    Debian, Ubuntu:     apt install cloud-init
    RHEL, Fedora:       dnf install cloud-init
    In an image file:   virt-customize -a IMAGE --install cloud-init
"""

from imgtool.checks.check import Check, Verdict, on_linux, require
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """The program is there."""
    return require(
        linux.cloud_init.installed,
        good="cloud-init is installed",
        bad="cloud-init is not installed",
        remedy="install it: `virt-customize -a IMAGE --install cloud-init`",
    )


CHECK = Check("cloud-init-installed", Severity.ERROR, on_linux(judge))
