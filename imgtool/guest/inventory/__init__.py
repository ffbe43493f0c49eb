"""What a guest consists of, as far as it is asked for: imgtool/model/inventory.py.

items.py      names and what is said of them, within bounds
accounts.py   users, groups, sudoers
units.py      which units are enabled or masked
sshd.py       the settings of OpenSSH's server
cloud.py      cloud-init's merged configuration, without its secrets
files.py      files with rights of their own; all files below chosen directories
"""

from collections.abc import Callable, Iterator

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.inventory import accounts, cloud, files, sshd, units
from imgtool.guest.packages.installed import packages_fact
from imgtool.guest.release import read_release
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import NOT_READ, Fact, GuestQuery, Known
from imgtool.model.inventory import NO_INVENTORY, Inventory, Items, SettingsKind

Reader = Callable[[GuestTree], Items]

_SETTINGS: dict[SettingsKind, Reader] = {
    "units": units.read_units,
    "users": accounts.read_users,
    "groups": accounts.read_groups,
    "sudoers": accounts.read_sudoers,
    "sshd": sshd.read_sshd,
    "cloud-config": cloud.read_config,
}


def read_inventory(tree: GuestTree, query: GuestQuery) -> Inventory:
    """The inventory of a Linux guest."""
    packages = packages_fact(tree, languages=query.languages) if query.packages else NOT_READ
    settings: dict[str, Fact[Items]] = {kind: _fact(kind, tree, read) for kind, read in _wanted(query)}
    if not query.packages and not settings:
        return NO_INVENTORY
    return Inventory(packages, settings, _cpe(tree))


def _cpe(tree: GuestTree) -> str:
    try:
        return read_release(tree).cpe
    except GuestReadError:
        return ""


def _wanted(query: GuestQuery) -> Iterator[tuple[SettingsKind, Reader]]:
    if query.settings:
        yield from _SETTINGS.items()
    if query.privileged:
        yield "privileged", files.read_privileged
    if query.trees:
        yield "files", lambda tree: files.read_trees(tree, query.trees)


def _fact(kind: str, tree: GuestTree, read: Reader) -> Fact[Items]:
    def known() -> Known[Items]:
        with guarded(kind):
            found = read(tree)
        return Known(found, f"{len(found)} {kind}")

    return fact_of(known)
