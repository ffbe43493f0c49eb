"""Which units somebody has enabled or masked: systemctl(1), is-enabled; OpenRC's runlevels.

A unit that only the distribution's own directories pull in is static: its package says so, and nothing here.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.inventory.items import MAX_ITEMS, items
from imgtool.guest.systemd.lookup import UNIT_DIRECTORIES, is_null
from imgtool.guest.systemd.names import is_unit_name
from imgtool.guest.tree import GuestTree
from imgtool.model.inventory import Items

OWN = "/etc/systemd/system"
PULLS = (".wants", ".requires", ".upholds")
RUNLEVELS = "/etc/runlevels"


def read_units(tree: GuestTree) -> Items:
    """Return each unit with `enabled` and what pulls it in, `masked`, or what it is an alias of."""
    found: dict[str, set[str]] = {}
    for unit, state in (*_masked(tree), *_enabled(tree), *_of_openrc(tree)):
        found.setdefault(unit, set()).add(state)
        if len(found) > MAX_ITEMS:
            raise GuestReadError(f"{OWN}: more than {MAX_ITEMS} units")
    return items(((unit, _together(states)) for unit, states in found.items()), OWN)


def _together(states: set[str]) -> str:
    if "masked" in states:
        return "masked"
    pulled = sorted(state for state in states if not state.startswith("alias"))
    aliases = sorted(states.difference(pulled))
    return ", ".join([*([f"enabled by {' and '.join(pulled)}"] if pulled else []), *aliases])


def _masked(tree: GuestTree) -> Iterator[tuple[str, str]]:
    """Yield each masked unit: of a name that several directories have, the first one counts."""
    seen: set[str] = set()
    for directory in UNIT_DIRECTORIES:
        for name in tree.names(directory):
            if name not in seen and is_unit_name(name):
                seen.add(name)
                if is_null(tree, posixpath.join(directory, name)):
                    yield name, "masked"


def _enabled(tree: GuestTree) -> Iterator[tuple[str, str]]:
    for name in tree.names(OWN):
        path = posixpath.join(OWN, name)
        puller = next((name.removesuffix(end) for end in PULLS if name.endswith(end)), None)
        if puller is not None:
            links = (unit for unit in tree.names(path) if tree.is_link(posixpath.join(path, unit)))
            yield from ((unit, puller) for unit in links if not is_null(tree, posixpath.join(path, unit)))
            continue
        target = tree.link_target(path)
        if target is not None and posixpath.basename(target) != name and not is_null(tree, path):
            yield name, f"alias of {posixpath.basename(target)}"


def _of_openrc(tree: GuestTree) -> Iterator[tuple[str, str]]:
    for level in tree.names(RUNLEVELS):
        for service in tree.names(posixpath.join(RUNLEVELS, level)):
            yield service, f"runlevel {level}"
