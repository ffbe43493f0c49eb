"""What a first boot enables: systemd.preset(5), "First Boot Semantics" of machine-id(5).

Where /etc/machine-id is missing or says "uninitialized", systemd applies the presets before it loads units:
it enables what they enable (src/core/main.c; only a build with first-boot-full-preset takes away as well).
"""

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.files import UnitFiles
from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.systemd.names import instance_of, is_unit_name, with_instance
from imgtool.guest.systemd.unit import Unit, first_by_name, split_words
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

DIRECTORIES = (
    "/etc/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)
MACHINE_ID = "/etc/machine-id"
MAX_FILE_BYTES = 256 << 10
MAX_RULES = 5000
MAX_ENABLED = 5000
LINKS = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}

Rule = tuple[bool, str, tuple[str, ...], str]
"""Enabled, pattern, instances, and the file."""


def is_first_boot(tree: GuestTree, command_line: CommandLine) -> bool:
    """Whether systemd takes this for a first boot; an empty machine-id is none."""
    if command_line.machine_id is not None:
        return False
    content = tree.read_bytes(MACHINE_ID, MAX_FILE_BYTES)
    return content is None or content.strip() == b"uninitialized"


def preset_wants(tree: GuestTree) -> Iterator[tuple[str, str, str]]:
    """(unit, wanted unit, place) of each link that the presets make."""
    rules = list(_rules(tree))
    files = UnitFiles(tree)
    count = 0
    for name, target in files.ids.items():
        if target.startswith("/") and not is_null(tree, target):
            for enabled, place in _enabled(name, rules):
                unit = files.unit(enabled)
                for by, wanted in _links(unit):
                    count += 1
                    if count > MAX_ENABLED:
                        raise GuestReadError(f"presets enable more than {MAX_ENABLED} units")
                    yield by, wanted, f"{place} at the first boot ({unit.place})"


def _enabled(name: str, rules: list[Rule]) -> Iterator[tuple[str, str]]:
    """The unit, or the instances of a template, that the first matching rule enables; without one, it is."""
    for enable, pattern, instances, source in rules:
        if fnmatchcase(name, pattern):
            if enable and instances and instance_of(name) == "":
                yield from ((with_instance(name, one), f"{source}: enable {pattern}") for one in instances)
            elif enable:
                yield name, f"{source}: enable {printable(pattern)}"
            return
    yield name, "no preset says otherwise: enabled"


def _links(unit: Unit) -> Iterator[tuple[str, str]]:
    if unit.state != "loaded":
        return
    name = unit.name
    default = unit.value("Install", "DefaultInstance")
    if instance_of(name) == "":
        if default is None:
            return
        name = with_instance(name, default.text)
    for value in unit.values("Install", *LINKS):
        for by in split_words(value.text):
            if is_unit_name(by):
                yield by, name


def _rules(tree: GuestTree) -> Iterator[Rule]:
    files = first_by_name(
        (entry, posixpath.join(directory, entry))
        for directory in DIRECTORIES
        for entry in tree.names(directory)
        if entry.endswith(".preset")
    )
    seen = 0
    for path in files.values():
        if is_null(tree, path):
            continue
        content = (tree.read_bytes(path, MAX_FILE_BYTES) or b"").decode("utf-8", "replace")
        for line in content.splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] in {"enable", "disable"}:
                seen += 1
                if seen > MAX_RULES:
                    raise GuestReadError(f"more than {MAX_RULES} presets")
                yield words[0] == "enable", words[1], tuple(words[2:]), printable(path)
