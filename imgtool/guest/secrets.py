"""What an image that many use should not hold: only where it is and of what kind, never the content.

Sources: shadow(5), crypt(5), sshd(8) AUTHORIZED_KEYS FILE FORMAT, virt-sysprep(1) for where leases are kept.
"""

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from itertools import chain

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.credentials import of_cloud_config, of_homes, of_the_system, private_ssh_keys
from imgtool.guest.fact import listed
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.util.text import printable

PASSWD = "/etc/passwd"  # noqa: S105 - a path
SHADOW_FILES = ("/etc/shadow", "/etc/shadow-")
"""The second one is the copy that is kept of the state before the last change."""
PASSWD_FILES = (PASSWD, "/etc/passwd-")
"""Where login(1) takes a password that stands there in place of an `x`."""
MAX_BYTES = 256 << 10
MAX_HOMES = 200
FIRST_USER_ID = 1000
HASH = re.compile(r"!*\$[^$]+\$.+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}")
"""crypt(5): `$id$...`, and the two older forms. `!` before it locks the password, and leaves the hash;
systemd's `!unprovisioned` has the length of one and is none."""
HISTORIES = (
    *(".bash_history", ".ash_history", ".sh_history", ".zsh_history", ".history"),
    *(".python_history", ".mysql_history", ".psql_history", ".local/share/fish/fish_history"),
)
AUTHORIZED_KEYS = (".ssh/authorized_keys", ".ssh/authorized_keys2")
LEASES = (
    ("/var/lib/dhcp", "*.lease*"),
    ("/var/lib/dhclient", "*.lease*"),
    ("/var/lib/dhcpcd", "*.lease*"),
    ("/var/lib/NetworkManager", "*.lease"),
    ("/var/lib/wicked", "lease-*.xml"),
)


def read_secrets(tree: GuestTree, config: Fact[CloudConfig] | None = None) -> Known[tuple[str, ...]]:
    """Each as `path: kind`. `config`: cloud-init's own configuration, where it is to be looked at."""
    in_config = of_cloud_config(config.value) if isinstance(config, Known) else iter(())
    homes = _homes(tree)
    found = chain(
        _passwords(tree),
        _of_homes(tree, homes),
        of_homes(tree, homes),
        of_the_system(tree),
        in_config,
        _leases(tree),
    )
    return listed(found, f"none in {SHADOW_FILES[0]}, /root, /home and where leases are kept", "; ")


def _passwords(tree: GuestTree) -> Iterator[str]:
    for path in (*SHADOW_FILES, *PASSWD_FILES):
        for user, *fields in _entries(tree, path):
            kind = _kind_of_password(fields[0]) if fields else None
            if kind is not None and not user.startswith(("+", "-")):  # those stand for NIS
                yield f"{path}: {kind} of {printable(user)}"


def _kind_of_password(field: str) -> str | None:
    if not field:
        return "empty password"
    return "password hash" if HASH.fullmatch(field) else None


def _entries(tree: GuestTree, path: str) -> Iterator[list[str]]:
    content = tree.read_bytes(path, MAX_BYTES) or b""
    for line in content.decode("utf-8", "replace").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split(":")


def _of_homes(tree: GuestTree, homes: list[str]) -> Iterator[str]:
    for home in homes:
        for name in HISTORIES:
            path = posixpath.join(home, name)
            if tree.size_bytes(path) > 0:
                yield f"{printable(path)}: shell history"
        for name in AUTHORIZED_KEYS:
            path = posixpath.join(home, name)
            if _has_key(tree, path):
                yield f"{printable(path)}: SSH key that may log in"
        yield from private_ssh_keys(tree, posixpath.join(home, ".ssh"))


def _homes(tree: GuestTree) -> list[str]:
    """Return those that are there: of root and of people, by passwd(5), and what is in /home besides."""
    listed = [
        fields[5] for fields in _entries(tree, PASSWD) if len(fields) > 5 and _is_of_a_person(fields[2])
    ]
    present = [posixpath.join("/home", name) for name in tree.names("/home")]
    homes = dict.fromkeys(posixpath.normpath(home) for home in ("/root", *listed, *present))
    found = [home for home in homes if home.startswith("/") and home != "/" and tree.is_directory(home)]
    if len(found) > MAX_HOMES:
        raise GuestReadError(f"more than {MAX_HOMES} home directories")
    return found


def _is_of_a_person(user_id: str) -> bool:
    return user_id == "0" or (user_id.isdecimal() and int(user_id[:10]) >= FIRST_USER_ID)


def _has_key(tree: GuestTree, path: str) -> bool:
    content = tree.read_bytes(path, MAX_BYTES) or b""
    lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _leases(tree: GuestTree) -> Iterator[str]:
    for directory, pattern in LEASES:
        for name in fnmatch.filter(tree.names(directory), pattern):
            path = posixpath.join(directory, name)
            if tree.size_bytes(path) > 0:
                yield f"{printable(path)}: DHCP lease"
