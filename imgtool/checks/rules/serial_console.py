"""The kernel writes to the serial console.

What it checks
    console= on the command line of the kernel that boots: ttyS0 on x86; a serial port, or no console= at all,
    where the firmware names the console (aarch64, ppc64le, s390x, riscv64).

Why it matters
    `openstack console log show` is what the instance writes to its first serial port. Without it the log
    stays empty, and a boot that fails cannot be understood from outside.

How to fix
    Debian, Ubuntu:
        sed -i 's/^GRUB_CMDLINE_LINUX="[^"]*/& console=tty0 console=ttyS0,115200/' /etc/default/grub
        update-grub
    RHEL, Fedora:
        grubby --update-kernel=ALL --args="console=tty0 console=ttyS0,115200n8"
    The last console= is the one that programs write to.
"""

import re

from imgtool.checks.check import Check, Verdict, failed, on_started_linux, passed, unknown
from imgtool.model.facts import Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity

X86 = frozenset({"x86_64", "i686"})
FIRST_PORT = re.compile(r"ttyS0(?:,.*)?|uart(?:8250)?,.*")
"""Nova's console log is the first ISA port."""
SERIAL = re.compile(r"(?:ttyS|ttyAMA|hvc|hvsi|ttysclp|sclp)\d*(?:,.*)?|(?:uart|pl011).*")
"""Of other machines, whose firmware names the console: the kernel adds it to those of the command line."""


def judge(linux: LinuxFacts) -> Verdict:
    """One of the consoles is the one that Nova keeps a log of."""
    if isinstance(linux.command_line, Unknown):
        return unknown(f"the kernel's command line: {linux.command_line.reason}")
    if isinstance(linux.architecture, Unknown):
        return unknown(f"the architecture: {linux.architecture.reason}")
    options, where = linux.command_line.value, linux.command_line.evidence
    consoles = [word.removeprefix("console=") for word in options.split() if word.startswith("console=")]
    on_x86 = linux.architecture.value in X86
    wanted = FIRST_PORT if on_x86 else SERIAL
    found = next((console for console in consoles if wanted.fullmatch(console)), None)
    if found is not None:
        return passed(f"the kernel writes to {found}", f"{where}: console={found}")
    if not consoles and not on_x86:
        return passed("the kernel writes to the console that the firmware names", f"{where}: no console=")
    port = _port(linux.architecture.value)
    words = f"console=tty0 console={port},115200"
    seen = " ".join(f"console={console}" for console in consoles) or "no console="
    return failed(
        f"the console log stays empty: no console={port} on the kernel's command line",
        f"{where}: {seen}",
        f"`grubby --update-kernel=ALL --args='{words}'`, or `sed -i "
        f"'s/^GRUB_CMDLINE_LINUX=\"[^\"]*/& {words}/' /etc/default/grub && update-grub`",
    )


def _port(architecture: str) -> str:
    names = {
        "aarch64": "ttyAMA0",
        "armv7l": "ttyAMA0",
        "ppc64le": "hvc0",
        "ppc64": "hvc0",
        "s390x": "ttysclp0",
    }
    return names.get(architecture, "ttyS0")


CHECK = Check("serial-console", Severity.WARNING, on_started_linux(judge))
