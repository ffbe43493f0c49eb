"""The image holds nothing that only its maker should have.

What it checks
    Passwords in /etc/shadow (hashes, also locked ones, and empty fields) and in the copy beside it;
    authorized_keys, private SSH keys and shell histories of root and of users; DHCP leases. Where they are
    and of what kind is reported, never what they are.

Why it matters
    Whoever has the image can try the hashes, read what was typed, and log in with the key on every instance.

How to fix
    usermod --password '*' root && rm -f /etc/shadow-
    rm -f /root/.ssh/authorized_keys /root/.bash_history /home/*/.bash_history /var/lib/dhcp/*.leases
    In an image file:  virt-sysprep -a IMAGE --operations bash-history,dhcp-client-state,ssh-userdir
"""

import shlex

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.judgement import Severity
from imgtool.model.linux import LinuxFacts

SHADOW = "/etc/shadow: "


def judge(linux: LinuxFacts) -> Verdict:
    """The list is empty."""
    match linux.secrets:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed("no passwords, keys, histories or leases", evidence)
        case Known(found, _):
            kinds = ", ".join(dict.fromkeys(entry.rpartition(": ")[2] for entry in found))
            return failed(f"left in the image: {kinds}", "; ".join(found), _remedy(found))


def _remedy(found: tuple[str, ...]) -> str:
    """A password is locked, a file goes."""
    users = [entry.rpartition(" of ")[2] for entry in found if entry.startswith(SHADOW)]
    files = [entry.rpartition(": ")[0] for entry in found if not entry.startswith(SHADOW)]
    commands = [f"usermod --password '*' {shlex.quote(user)}" for user in users]
    commands += [f"rm -f {shlex.join(dict.fromkeys(files))}"] if files else []
    return f"`{' && '.join(commands)}`"


CHECK = Check("secrets", Severity.WARNING, on_linux(judge))
