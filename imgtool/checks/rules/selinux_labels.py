"""Where SELinux enforces, its policy is there and the files have labels.

What it checks
    SELINUX=enforcing in /etc/selinux/config, unless the kernel's command line or its configuration leaves
    SELinux out: the policy of SELINUXTYPE is there, and /, /etc, /etc/passwd, systemd, sshd and a shell have
    the attribute security.selinux.

Why it matters
    Without a policy systemd stops. Without labels services are not let do their work and nobody can log in:
    files that were copied into an image without their attributes have none. With /.autorelabel the first boot
    labels them, which takes minutes and a reboot: a warning.

How to fix
    setfiles -r ROOT ROOT/etc/selinux/targeted/contexts/files/file_contexts ROOT
    virt-customize -a IMAGE --selinux-relabel
    touch /.autorelabel                     (labels at the first boot)
"""

from imgtool.checks.check import Check, Verdict, on_linux
from imgtool.checks.troubles import worst
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """Nothing that enforces lacks what it enforces with."""
    return worst(linux.user_space.selinux, "SELinux stands in the way of nothing")


CHECK = Check("selinux-labels", Severity.ERROR, on_linux(judge))
