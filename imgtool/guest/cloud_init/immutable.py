"""What cloud-init cannot write, because the image forbids it to root as well: chattr(1), `+i` and `+a`.

Hardening guides protect the files of accounts so. Sources: cloudinit/stages.py (the directories of an
instance), cloudinit/distros/__init__.py (add_user) with shadow's useradd, which opens all four files for
writing and makes the home; cloudinit/config/cc_ssh.py.
"""

from collections.abc import Iterator

from imgtool.guest.cloud_init.access import has_default_user
from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

OF_THE_INSTANCE = (
    "/etc", "/var/lib/cloud", "/var/lib/cloud/data", "/var/lib/cloud/instances", "/var/lib/cloud/sem",
)  # fmt: skip
PASSWD = "/etc/passwd"  # noqa: S105 - a path
OF_A_NEW_USER = (PASSWD, "/etc/shadow", "/etc/group", "/etc/gshadow", "/home")
SSH = "/etc/ssh"


def forbidden(tree: GuestTree, config: CloudConfig | None) -> Iterator[str]:
    """Each such path that keeps cloud-init from its work, in clauses."""
    for path in OF_THE_INSTANCE:
        if tree.is_immutable(path):
            yield _clause(path, "cannot write there")
    user = _new_user(tree, config)
    for path in OF_A_NEW_USER if user else ():
        if tree.is_immutable(path):
            yield _clause(path, f"cannot make the user {user}")
    if tree.is_immutable(SSH) and not _has_host_keys(tree):
        yield _clause(SSH, "cannot make SSH host keys, and sshd does not start")


def _clause(path: str, what: str) -> str:
    return f"{path} is immutable (chattr), so that cloud-init {what}"


def _new_user(tree: GuestTree, config: CloudConfig | None) -> str | None:
    """The default user, where it is not there yet."""
    found = config.default_user if config is not None and has_default_user(config) else None
    name = None if found is None else found.value
    if name is None:
        return None
    lines = (tree.read_text(PASSWD) or "").splitlines()
    return None if any(line.startswith(f"{name}:") for line in lines) else printable(name)


def _has_host_keys(tree: GuestTree) -> bool:
    return any(name.startswith("ssh_host_") and name.endswith("_key") for name in tree.names(SSH))
