"""Who may log in, and who may become root: passwd(5), shadow(5), group(5), sudoers(5).

Of a password only its kind is told, never the hash.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.inventory.items import items, lines
from imgtool.guest.secrets import HASH
from imgtool.guest.tree import GuestTree
from imgtool.model.inventory import Items

PASSWD, SHADOW, GROUP = "/etc/passwd", "/etc/shadow", "/etc/group"
SUDOERS, SUDOERS_DIRECTORY = "/etc/sudoers", "/etc/sudoers.d"
MAX_FILES = 500


def read_users(tree: GuestTree) -> Items:
    """Return each user: ids, shell, home, and what kind of password it has."""
    passwords = {fields[0]: _kind(fields[1]) for fields in _entries(tree, SHADOW, 2)}
    return items(_users(tree, passwords), PASSWD)


def _users(tree: GuestTree, passwords: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, password, user, group, _, home, shell, *_ in _entries(tree, PASSWD, 7):
        kind = passwords.get(name, "no password") if password in {"x", "*", "!"} else _kind(password)
        yield name, f"uid {user}, gid {group}, home {home}, shell {shell or '/bin/sh'}, {kind}"


def _kind(field: str) -> str:
    """Return the kind, as passwd(1), -S, parts them."""
    if not field:
        return "empty password"
    if HASH.fullmatch(field):
        return "password locked" if field.startswith("!") else "password set"
    return "no password"


def read_groups(tree: GuestTree) -> Items:
    """Each group: its id and its members."""
    found = ((one[0], f"gid {one[2]}, members: {_sorted(one[3])}") for one in _entries(tree, GROUP, 4))
    return items(found, GROUP)


def _sorted(members: str) -> str:
    return ", ".join(sorted(filter(None, members.split(",")))) or "none"


def _entries(tree: GuestTree, path: str, fields: int) -> Iterator[list[str]]:
    for line in lines(tree, path):
        found = line.split(":")
        if line and not line.startswith("#") and len(found) >= fields:
            yield found


def read_sudoers(tree: GuestTree) -> Items:
    """Each line that counts, by its file. sudo passes over names with a dot or with ~ at the end."""
    names = [name for name in tree.names(SUDOERS_DIRECTORY) if "." not in name and not name.endswith("~")]
    paths = [SUDOERS, *(posixpath.join(SUDOERS_DIRECTORY, name) for name in names[:MAX_FILES])]
    return items(((f"{path}: {line}", "") for path in paths for line in _rules(tree, path)), SUDOERS)


def _rules(tree: GuestTree, path: str) -> Iterator[str]:
    """Lines without comments; `#include` and `#1000` are none: sudoers(5), "Other special characters"."""
    pending = ""
    for line in lines(tree, path):
        if line.endswith("\\"):
            pending += line[:-1].rstrip() + " "
            continue
        whole = " ".join((pending + line).split())
        pending = ""
        is_rule = whole.startswith(("#include", "@include")) or whole[1:2].isdigit()
        if whole and (not whole.startswith("#") or is_rule):
            yield whole
