"""What udev does when the guest agent's port appears: the units that it wants, its tags, its links.

Source: udev(7); systemd.device(5); systemd's src/udev/udev-rules.c and src/core/device.c. Of each name the
first file counts, whichever directory has it, and all are read in the order of their names. Only rules that
could concern the port are evaluated: what only the running guest knows (IMPORT, RESULT, most programs) counts
as matching.
"""

import fnmatch
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from imgtool.guest.command_status import CommandStatus
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.systemd import is_null
from imgtool.guest.systemd.names import is_unit_name
from imgtool.guest.systemd.unit import split_words
from imgtool.guest.tree import GuestTree
from imgtool.guest.udev_rules import COMPARING, Token, rules_of
from imgtool.util.text import printable

DIRECTORIES = (
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
)
LINK_RULES = "50-udev-default.rules"
"""systemd's own, which gives the port its name below /dev/virtio-ports."""
TAG_RULES = "99-systemd.rules"
"""systemd's own, which gives every port the tag systemd."""

MAX_FILES = 500
MAX_STEPS = 50_000
MAX_PROPERTIES = 500
MAX_VALUE_CHARACTERS = 16 << 10

AT_RUN_TIME = ("/run/", "/dev/", "/proc/", "/sys/", "/tmp/")  # noqa: S108 - a guest's paths
PORT = "org.qemu.guest_agent.0"
_KERNEL = "vport1p1"
_CONCERNS = ("SYSTEMD_WANTS", "virtio-ports", "vport", PORT, "TAG-=", 'TAG="', "SYSTEMD_READY")
"""A file without any of these words changes nothing about the port."""


@dataclass(slots=True)
class PortEvent:
    """The port's device after all rules."""

    properties: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """The file that set each property."""
    tags: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    """Units that a program of RUN starts."""
    files: tuple[str, ...] = ()
    """The rule files that were read for it."""
    status: CommandStatus | None = None
    """How a program of PROGRAM ends."""
    overridden: tuple[str, ...] = ()
    """Files that stand in place of one of the same name, which speaks of the port."""

    @property
    def units(self) -> tuple[str, ...]:
        """The units that systemd starts when the port appears: only where the device has its tag."""
        if "systemd" not in self.tags or self.properties.get("SYSTEMD_READY") == "0":
            return ()
        wanted = self.properties.get("SYSTEMD_WANTS", "").split()
        return (*(one if is_unit_name(one) else f"{one}.service" for one in wanted), *self.started)

    @property
    def has_device_unit(self) -> bool:
        """systemd knows the port as a device: what hangs on it can start."""
        return "systemd" in self.tags and self.properties.get("SYSTEMD_READY") != "0"


def port_event(tree: GuestTree) -> PortEvent:
    """What becomes of the port. Raises GuestReadError where a file that counts cannot be read."""
    event = PortEvent(status=CommandStatus(tree, lambda path: not tree.exists(path)))
    files, overridden = _files(tree)
    names = {posixpath.basename(path) for path in files}
    if LINK_RULES not in names:
        event.links.add(f"virtio-ports/{PORT}")
    read: list[str] = []
    steps = 0
    for path in files:
        text = "" if is_null(tree, path) else tree.read_text(path) or ""
        if any(word in text for word in _CONCERNS):
            read.append(path)
            steps += _run(list(rules_of(text, path)), printable(path), event)
            if steps > MAX_STEPS:
                raise GuestReadError(f"{printable(path)}: more than {MAX_STEPS} steps of udev rules")
    if TAG_RULES not in names:
        event.tags.add("systemd")
    event.files = tuple(read)
    event.overridden = overridden
    return event


def _files(tree: GuestTree) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that count, in their order, and those that hide another that speaks of the port."""
    found: dict[str, str] = {}
    hiding: list[str] = []
    for directory in DIRECTORIES:
        for name in tree.names(directory):
            if not name.endswith(".rules"):
                continue
            path = posixpath.join(directory, name)
            winner = found.setdefault(name, path)
            if winner != path and tree.resolve(winner) != tree.resolve(path) and PORT in _text(tree, path):
                hiding.append(winner)
    if len(found) > MAX_FILES:
        raise GuestReadError(f"more than {MAX_FILES} files of udev rules")
    return tuple(found[name] for name in sorted(found)), tuple(dict.fromkeys(hiding))


def _text(tree: GuestTree, path: str) -> str:
    try:
        return tree.read_text(path) or ""
    except GuestReadError:
        return ""


# ---------------------------------------------------------------- one file


def _run(rules: list[list[Token]], path: str, event: PortEvent) -> int:
    """Run the rules of one file; returns how many were looked at."""
    labels = {
        token.value: index for index, rule in enumerate(rules) for token in rule if token.key == "LABEL"
    }
    index = steps = 0
    while index < len(rules):
        steps += 1
        rule = rules[index]
        index += 1
        if not all(_matches(token, event) for token in rule if _compares(token)):
            continue
        goto = None
        for token in rule:
            if token.key == "GOTO":
                goto = labels.get(token.value)
            elif not _compares(token):
                _assign(token, path, event)
        if goto is not None and goto >= index:
            index = goto
    return steps


def _compares(token: Token) -> bool:
    return token.operator in COMPARING or token.key in {"TEST", "PROGRAM", "IMPORT"}


def _matches(token: Token, event: PortEvent) -> bool:
    if token.key in {"TEST", "PROGRAM"}:
        return _succeeds(token, event)
    found = _found(token, event)
    if found is None:
        return True
    patterns = token.value.split("|") if token.value else [""]
    equal = any(fnmatch.fnmatchcase(value, pattern) for value in found for pattern in patterns)
    return bool(found) and equal == (token.operator == "==")


def _succeeds(token: Token, event: PortEvent) -> bool:
    """Whether a file is there, or a program ends well; what is not known counts as matching."""
    words = ["test", "-e", token.value] if token.key == "TEST" else split_words(token.value)
    if not words or event.status is None or token.value.startswith(AT_RUN_TIME) or "$" in token.value:
        return True
    if token.key == "PROGRAM" and not words[0].startswith("/"):
        words[0] = f"/usr/lib/udev/{words[0]}"
    status = event.status.of(words)
    if token.key == "PROGRAM" and status is None and event.status.is_missing(words[0]):
        status = 1
    return status is None or (status == 0) is (token.operator != "!=")


_EVENT: Mapping[str, tuple[str, ...]] = {
    "ACTION": ("add",),
    "SUBSYSTEM": ("virtio-ports",),
    "KERNEL": (_KERNEL,),
    "DEVPATH": (f"/devices/pci0000:00/0000:00:05.0/virtio1/virtio-ports/{_KERNEL}",),
    "SUBSYSTEMS": ("virtio-ports", "virtio", "pci"),
    "KERNELS": (_KERNEL, "virtio1", "0000:00:05.0", "pci0000:00"),
    "DRIVERS": ("", "virtio_console", "virtio-pci"),
    "DRIVER": ("",),
}
"""The port's own values, and those of the devices above it."""


_KNOWN_PROPERTIES = {"SUBSYSTEM": "virtio-ports", "ACTION": "add", "DEVNAME": f"/dev/{_KERNEL}"}


def _found(token: Token, event: PortEvent) -> tuple[str, ...] | None:
    """The values that `token` compares with, none where it has no such attribute.

    None where they are not known here, so that it matches.
    """
    sets = {"TAG": event.tags, "TAGS": event.tags, "SYMLINK": event.links, "NAME": set[str]()}
    found: tuple[str, ...] | None = _EVENT.get(token.key)
    if token.key in sets:
        found = tuple(sets[token.key]) or ("",)
    elif token.key == "ENV":
        usual = _KNOWN_PROPERTIES.get(token.attribute, "")
        found = (event.properties.get(token.attribute, usual),)
    elif token.key in {"ATTR", "ATTRS"} and token.attribute == "name":
        found = (PORT,)
    elif token.key == "CONST" and token.attribute == "virt":
        found = ("kvm",)
    elif token.key == "ATTR" and token.attribute not in {"dev", "uevent"}:
        found = ()
    return found


def _assign(token: Token, path: str, event: PortEvent) -> None:
    value = _substituted(token.value, event)
    match token.key:
        case "ENV":
            if len(value) > MAX_VALUE_CHARACTERS or len(event.properties) > MAX_PROPERTIES:
                raise GuestReadError(f"{path}: udev rules with more properties than are followed")
            old = event.properties.get(token.attribute, "")
            adds = token.operator == "+=" and old
            event.properties[token.attribute] = f"{old} {value}" if adds else value
            event.places[token.attribute] = path
        case "TAG":
            _assign_set(event.tags, token.operator, [value])
        case "SYMLINK":
            _assign_set(event.links, token.operator, value.split())
        case "RUN":
            event.started += _started_units(value)
        case _:
            pass


def _started_units(command: str) -> list[str]:
    """The units that a command of systemctl starts."""
    words = [word for word in split_words(command) if not word.startswith("-")]
    if len(words) < 3 or posixpath.basename(words[0]) != "systemctl" or words[1] not in {"start", "restart"}:
        return []
    return [word if is_unit_name(word) else f"{word}.service" for word in words[2:]]


def _assign_set(found: set[str], operator: str, values: list[str]) -> None:
    if operator == "-=":
        found.difference_update(values)
        return
    if operator != "+=":
        found.clear()
    found.update(value for value in values if value)


def _substituted(value: str, event: PortEvent) -> str:
    for pattern, text in (
        ("$attr{name}", PORT),
        ("%s{name}", PORT),
        ("$kernel", _KERNEL),
        ("%k", _KERNEL),
        ("$name", _KERNEL),
        ("%n", "1"),
        ("$number", "1"),
        ("$devnode", f"/dev/{_KERNEL}"),
        ("%N", f"/dev/{_KERNEL}"),
    ):
        value = value.replace(pattern, text)
    for name, found in list(event.properties.items()) if "{" in value else ():
        if name not in value:
            continue
        value = value.replace(f"$env{{{name}}}", found).replace(f"%E{{{name}}}", found)
    return value
