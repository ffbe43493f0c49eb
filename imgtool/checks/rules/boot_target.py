"""The boot goes on to where the services of an instance run.

What it checks
    The kernel finds an init that can be run (init= or /sbin/init: there, executable, for this machine, with
    its libraries), and that init aims at a target that starts services: systemd's default target, or a word
    such as `single` or systemd.unit= on the kernel's command line; the runlevel of /etc/inittab.

Why it matters
    Without an init the kernel panics. In rescue or emergency mode a shell waits on the console: no network,
    no cloud-init, no agent. A default.target that leads nowhere ends in rescue mode too.

How to fix
    systemctl set-default multi-user.target
    apt install systemd-sysv                                 (Debian, Ubuntu: /sbin/init)
    grubby --update-kernel=ALL --remove-args="single systemd.unit init"
    Debian, Ubuntu: GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub
"""

from imgtool.checks.check import Check, Verdict, on_started_linux, unknown
from imgtool.checks.troubles import worst
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Outcome, Severity


def judge(linux: LinuxFacts) -> Verdict:
    """Init can be run, and its target starts services."""
    space = linux.user_space
    target = space.target.value if isinstance(space.target, Known) else "its services"
    verdict = worst(space.startup, f"the boot aims at {target}")
    if verdict.outcome is Outcome.PASS and isinstance(linux.command_line, Unknown):
        return unknown(f"the kernel's command line: {linux.command_line.reason}")
    return verdict


CHECK = Check("boot-target", Severity.ERROR, on_started_linux(judge))
