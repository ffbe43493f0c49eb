"""What the manager's own settings give to all services: systemd-system.conf(5)."""

import posixpath

from imgtool.guest.systemd.syntax import SyntaxProblemError, parse
from imgtool.guest.systemd.unit import first_by_name
from imgtool.guest.tree import GuestTree

MAIN = ("/etc/systemd/system.conf", "/run/systemd/system.conf", "/usr/lib/systemd/system.conf")
"""The first that is there counts."""
DROP_INS = tuple(
    f"{folder}/systemd/system.conf.d" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
MAX_BYTES = 256 << 10
MAX_FILES = 200


def manager_setting(tree: GuestTree, key: str) -> str:
    """The last value of a setting of [Manager]; empty where it has none."""
    main = next((path for path in MAIN if tree.is_file(path)), None)
    found = first_by_name(
        (name, posixpath.join(folder, name))
        for folder in DROP_INS
        for name in tree.names(folder)
        if name.endswith(".conf")
    )
    value = ""
    for path in [*([main] if main is not None else []), *found.values()][:MAX_FILES]:
        content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
        try:
            for line in parse((content or b"").decode("utf-8", "surrogateescape"), path):
                if line.section == "Manager" and line.key == key:
                    value = line.value
        except SyntaxProblemError:
            continue
    return value
