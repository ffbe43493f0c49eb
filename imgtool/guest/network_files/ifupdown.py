"""The cards of /etc/network/interfaces, as ifup reads it.

Source: interfaces(5) of ifupdown 0.8.41 and what its ifquery says: a file that cannot be parsed leaves all
cards down; `source` takes the shell's patterns, `source-directory` names of letters, digits, `_` and `-`
alone. Its inet.defn asks dhclient, udhcpc or dhcpcd for an address, whichever is there.
"""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from imgtool.guest.exec_command import located
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.found_files import find_files
from imgtool.guest.network_files.card import MAX_FILES, Card, text_in
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

INTERFACES = "/etc/network/interfaces"
MAX_DEPTH = 10
MAX_INHERITED = 10
MAX_LINES = 5000
CLIENTS = ("dhclient", "udhcpc", "dhcpcd")
PROGRAMS = ("/sbin/ifup", "/usr/sbin/ifup")
NEWER = ("/usr/libexec/ifupdown-ng", "/usr/lib/ifupdown-ng", "/lib/ifupdown-ng")
UP = frozenset({"auto", "allow-auto", "allow-hotplug"})
SOURCES = frozenset({"source", "source-directory"})
OPENING = frozenset({"iface", "mapping", "auto", "rename", "no-auto-down", "no-scripts", *SOURCES})
"""Words that begin a stanza, as each does that begins with `allow-`."""
METHODS = {
    "inet": frozenset({"loopback", "static", "manual", "dhcp", "bootp", "tunnel", "ppp", "wvdial", "ipv4ll"}),
    "inet6": frozenset({"auto", "loopback", "static", "manual", "dhcp", "v4tunnel", "6to4"}),
    "can": frozenset({"static"}),
}
INHERITS = "inherits"
_IN_A_DIRECTORY = re.compile(r"[A-Za-z0-9_-]+")
_PATTERN = re.compile(r"/([^/=]*)(?:/[^=]*)?(?:=(.*))?")

_Line = tuple[list[str], str]
"""Its words, and its file."""


def ifupdown_cards(tree: GuestTree) -> Iterator[Card]:
    """A card comes up where an `auto` or `allow-hotplug` line means it, and a stanza has its name."""
    lines = list(_lines(tree, INTERFACES, 0))
    if len(lines) > MAX_LINES:
        raise GuestReadError(f"{INTERFACES}: more than {MAX_LINES} lines")
    if ifupdown_problem(tree, dhcp=False):
        return
    dhcp_works = not ifupdown_problem(tree)
    used = _used(lines) if _is_ng(tree) else {}
    meant = [word for words, _ in lines if words[0] in UP for word in words[1:]]
    stanzas = [one for one in lines if one[0][0] == "iface"]
    for words, place in stanzas:
        family, method = _method(words, stanzas, 0)
        names = tuple(filter(None, (_physical(word, words[1]) for word in meant)))
        by_use = "dhcp" in used.get(words[1], ())
        if names and (family == "inet" or by_use):
            dhcp, fixed = (method == "dhcp" or by_use) and dhcp_works, method == "static"
            yield Card("ifupdown", names, dhcp, fixed, printable(place))


def names_in_interfaces(tree: GuestTree) -> frozenset[str]:
    """The names of all stanzas: NetworkManager leaves these cards alone where its plugin says so."""
    return frozenset(
        words[1] for words, _ in _lines(tree, INTERFACES, 0) if words[0] == "iface" and words[1:]
    )


def ifupdown_problem(tree: GuestTree, *, dhcp: bool = True) -> str:
    """Why ifup brings nothing up, in a clause, or nothing by DHCP; empty where it does, or is not there."""
    wrong = "" if _is_ng(tree) else next(_mistakes(list(_lines(tree, INTERFACES, 0))), "")
    if wrong:
        return f"{wrong}: ifup reads none of it"
    if not dhcp or not any(map(tree.is_file, PROGRAMS)) or any(located(tree, one) for one in CLIENTS):
        return ""
    return f"ifup finds none of {', '.join(CLIENTS)}, by which it would ask for an address"


def _is_ng(tree: GuestTree) -> bool:
    """Whether ifup is that of ifupdown-ng, which takes stanzas without a method: its interfaces(5)."""
    return any(map(tree.is_directory, NEWER))


def _used(lines: list[_Line]) -> dict[str, list[str]]:
    """What the `use` lines of each stanza name: ifupdown-ng's executors."""
    found: dict[str, list[str]] = {}
    name = ""
    for words, _ in lines:
        name = words[1] if words[0] == "iface" and len(words) > 1 else name
        if words[0] == "use":
            found.setdefault(name, []).extend(words[1:])
    return found


def _method(words: list[str], stanzas: list[_Line], depth: int) -> tuple[str, str]:
    """Family and method of a stanza, or of the one that it inherits from."""
    if len(words) > 3 and words[2] in METHODS:
        return words[2], words[3]
    parent = words[3] if words[2:3] == [INHERITS] and len(words) > 3 else None
    found = next((one for one, _ in stanzas if one[1] == parent), None)
    return ("", "") if found is None or depth > MAX_INHERITED else _method(found, stanzas, depth + 1)


def _physical(word: str, logical: str) -> str:
    """The names of real cards for which `word` of an `auto` line leads to the stanza `logical`."""
    found = _PATTERN.fullmatch(word)
    if found is None:
        name, equals, mapped = word.partition("=")
        return name if logical == (mapped if equals else name) else ""
    pattern, mapped = found[1], found[2]
    if mapped is not None:
        return pattern if mapped == logical else ""
    return logical if fnmatchcase(logical, pattern) else ""


def _mistakes(lines: list[_Line]) -> Iterator[str]:
    """What makes ifup give up on the whole file."""
    in_stanza = False
    for words, place in lines:
        where = f"{printable(place)}: {printable(' '.join(words)[:200])}"
        if words[0] in OPENING or words[0].startswith("allow-"):
            in_stanza = words[0] in {"iface", "mapping"}
            if words[0] == "iface" and not _is_stanza(words):
                yield f"{where}: no address family and method that it knows"
        elif not in_stanza:
            yield f"{where}: an option outside of a stanza"
        elif len(words) < 2:
            yield f"{where}: an option without a value"


def _is_stanza(words: list[str]) -> bool:
    known = len(words) > 3 and words[3] in METHODS.get(words[2], ())
    return known or (len(words) > 3 and INHERITS in words[2:])


def _lines(tree: GuestTree, path: str, depth: int) -> Iterator[_Line]:
    if depth > MAX_DEPTH:
        raise GuestReadError(f"{printable(path)}: files that name files, more than {MAX_DEPTH} deep")
    for words in _logical_lines(text_in(tree, path)):
        yield words, path
        if words[0] in SOURCES:
            for found in _sourced(tree, path, words):
                yield from _lines(tree, found, depth + 1)


def _logical_lines(text: str) -> Iterator[list[str]]:
    """Words of lines with what continues them; comments are not continued."""
    begun = ""
    for line in text.splitlines():
        if not begun and line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            begun += f"{line[:-1]} "
            continue
        words = f"{begun}{line}".split()
        begun = ""
        if words:
            yield words


def _sourced(tree: GuestTree, path: str, words: list[str]) -> Iterator[str]:
    for word in words[1:]:
        found = _matching(tree, posixpath.join(posixpath.dirname(path), word))
        if words[0] == "source":
            yield from (one for one in found if tree.is_file(one))
            continue
        for directory in found:
            for name in tree.names(directory)[:MAX_FILES]:
                if _IN_A_DIRECTORY.fullmatch(name) and tree.is_file(posixpath.join(directory, name)):
                    yield posixpath.join(directory, name)


def _matching(tree: GuestTree, pattern: str) -> list[str]:
    """The paths that the shell's pattern stands for; hidden ones only where it begins with a dot."""
    hidden = posixpath.basename(pattern).startswith(".")
    found = find_files(tree, [posixpath.normpath(pattern)]).value
    return [path for path in found if hidden or not posixpath.basename(path).startswith(".")]
