"""The image holds nothing that only its maker should have.

What it checks
    Passwords in /etc/shadow and /etc/passwd (hashes, also locked ones, and empty fields) and in the copies
    beside them; authorized_keys (also where sshd_config names them), private keys and shell histories of root
    and of users; credentials of programs (.netrc, clouds.yaml, .aws, .docker, apt, WireGuard, subscriptions);
    passwords and keys in cloud-init's own configuration; DHCP leases. Where they are and of what kind is
    reported, never what they are.

Why it matters
    Whoever has the image can try the hashes, read what was typed, and log in with the key on every instance.

How to fix
    usermod --password '*' root && rm -f /etc/shadow-
    rm -f /root/.ssh/authorized_keys /root/.bash_history /home/*/.bash_history /var/lib/dhcp/*.leases
    In an image file:  virt-sysprep -a IMAGE --operations bash-history,dhcp-client-state,ssh-userdir
"""

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_operands

ACCOUNTS = ("/etc/shadow: ", "/etc/passwd: ")
IN_CLOUD_CONFIG = " of cloud-init's configuration"
TAKE_OUT = "take passwords and keys out of cloud-init's configuration"
UNTYPABLE = "lock the users and remove the files that are named here and whose names cannot be typed"


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
    configured = [entry for entry in found if entry.endswith(IN_CLOUD_CONFIG)]
    rest = [entry for entry in found if entry not in configured]
    users = list(dict.fromkeys(entry.partition(" of ")[2] for entry in rest if entry.startswith(ACCOUNTS)))
    files = [entry.rpartition(": ")[0] for entry in rest if not entry.startswith(ACCOUNTS)]
    commands = [*map(_lock, users), *([_remove(tuple(dict.fromkeys(files)))] if files else [])]
    typable = [command for command in commands if command is not None]
    left = [UNTYPABLE] if len(typable) < len(commands) else []
    left += [TAKE_OUT] if configured else []
    return "; ".join([f"`{' && '.join(typable)}`", *left] if typable else left)


def _lock(user: str) -> str | None:
    words = shell_operands([user])
    return None if words is None else f"usermod --password '*' {words}"


def _remove(files: tuple[str, ...]) -> str | None:
    words = shell_operands(files)
    return None if words is None else f"rm -f {words}"


CHECK = Check("secrets", Severity.WARNING, on_linux(judge))
