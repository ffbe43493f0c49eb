"""Settings of the kernel that the boot makes: systemd-sysctl.service(8), sysctl.d(5), sysctl(8).

By systemd files of one name replace each other, /etc before /usr/lib, and all are read in the order of their
names. Others run `sysctl --system`, which reads /etc/sysctl.conf after them.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.systemd.unit import first_by_name
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

DIRECTORIES = tuple(f"{folder}/sysctl.d" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))
MODULES_DISABLED = "kernel.modules_disabled"
"""Once it is set, the kernel loads no module any more: proc_dointvec_minmax of kernel/sysctl.c."""
MAIN = "/etc/sysctl.conf"
"""systemd reads it through Debian's link 99-sysctl.conf alone."""
SYSTEMD = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
MASK = "/etc/systemd/system/systemd-sysctl.service"
MAX_BYTES = 64 << 10
MAX_FILES = 200


def setting(tree: GuestTree, key: str) -> tuple[str, str] | None:
    """The value that `key`, with dots, is given at boot, and the file that does; None where none does.

    Raises GuestReadError where there are too many files.
    """
    found = None
    for path in _files(tree):
        content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
        for name, value in _lines((content or b"").decode("utf-8", "surrogateescape")):
            if name == key:
                found = value, printable(path)
    return found


def is_set(value: str) -> bool:
    """Whether the number is another one than 0."""
    return value.strip("0") != ""


def _files(tree: GuestTree) -> Iterator[str]:
    by_systemd = any(map(tree.is_file, SYSTEMD))
    if by_systemd and tree.link_target(MASK) == "/dev/null":
        return
    found = first_by_name(
        (name, posixpath.join(folder, name))
        for folder in DIRECTORIES
        for name in tree.names(folder)
        if name.endswith(".conf")
    )
    if len(found) > MAX_FILES:
        raise GuestReadError(f"sysctl.d: more than {MAX_FILES} files")
    yield from found.values()
    if not by_systemd:
        yield MAIN


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            yield with_dots(name.strip().removeprefix("-")), value.strip()


def with_dots(name: str) -> str:
    """`kernel/modules_disabled` and `kernel.modules_disabled` are the same: the first of both divides."""
    divider = next((one for one in name if one in "./"), ".")
    return name if divider == "." else name.translate(str.maketrans("./", "/."))
