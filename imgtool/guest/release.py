"""Which distribution a system is: os-release(5), and what there was before it.

Red Hat's, SUSE's and Debian's files, LSB's and /etc/issue: RHEL 6, SLES 11, Ubuntu 10.04, Debian 6.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

OS_RELEASE_FILES = ("/etc/os-release", "/usr/lib/os-release")
"""In the order of os-release(5)."""

MAX_SETTINGS_BYTES = 64 << 10
"""Largest file of settings in shell syntax that is read."""

MAX_LINE_CHARACTERS = 4096

_NAMES = (
    ("red hat enterprise linux", "rhel"),
    ("centos", "centos"),
    ("fedora", "fedora"),
    ("oracle linux", "ol"),
    ("enterprise linux enterprise linux", "ol"),
    ("scientific linux", "scientific"),
    ("amazon linux", "amzn"),
    ("suse linux enterprise desktop", "sled"),
    ("suse linux enterprise", "sles"),
    ("opensuse", "opensuse"),
    ("ubuntu", "ubuntu"),
    ("debian", "debian"),
    ("gentoo", "gentoo"),
    ("arch linux", "arch"),
    ("slackware", "slackware"),
)
"""How the name in an old file begins, in small letters, and the ID that os-release has for it today."""
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,5}){0,3}")


@dataclass(frozen=True, slots=True)
class Release:
    """What a system says that it is."""

    path: str
    """The file that says so."""
    identifier: str | None
    """As os-release's ID has it; None where the file does not say."""
    version: str | None
    """As os-release's VERSION_ID has it; None where there is none."""
    cpe: str = ""
    """Its CPE_NAME; empty where there is none."""


def read_release(tree: GuestTree) -> Release:
    """Read the release from the first file that exists. Raises GuestReadError if none does."""
    for path in OS_RELEASE_FILES:
        content = _text(tree, path)
        if content is not None:
            fields = shell_assignments(content)
            named = fields.get("CPE_NAME", "")
            return Release(path, fields.get("ID") or None, fields.get("VERSION_ID") or None, named)
    for path, read in OLD_FILES:
        content = _text(tree, path)
        found = read(path, content) if content is not None else None
        if found is not None:
            return found
    raise GuestReadError(f"neither {' nor '.join(OS_RELEASE_FILES)} is there")


def shell_assignments(text: str) -> dict[str, str]:
    """The `NAME=value` lines of a file in shell syntax, quotes removed, values printable."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.isidentifier() and len(value) <= MAX_LINE_CHARACTERS:
            found[name] = printable(_unquoted(value))
    return found


def _text(tree: GuestTree, path: str) -> str | None:
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES)
    return None if content is None else content.decode("utf-8", "replace")


def _unquoted(value: str) -> str:
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        return value.strip().strip("\"'")
    return words[0] if words else ""


def _by_sentence(path: str, text: str) -> Release | None:
    """`CentOS release 6.9 (Final)`, `Ubuntu 10.04.4 LTS \\n \\l`: a name, and the first number after it."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")[:MAX_LINE_CHARACTERS]
    name = next((ours for theirs, ours in _NAMES if line.lower().startswith(theirs)), None)
    number = _NUMBER.search(line)
    return Release(path, name, number[0] if number else None) if name is not None else None


def _by_suse(path: str, text: str) -> Release | None:
    """The sentence, and behind it VERSION and PATCHLEVEL: SLES 11 SP4 is 11.4, as in today's os-release."""
    found = _by_sentence(path, text)
    level = re.search(r"^PATCHLEVEL\s{0,8}=\s{0,8}([1-9]\d{0,2})\s{0,8}$", text, re.MULTILINE)
    if found is None or level is None or found.version is None or "." in found.version:
        return found
    return Release(path, found.identifier, f"{found.version}.{level[1]}")


def _by_lsb(path: str, text: str) -> Release | None:
    fields = shell_assignments(text)
    name = fields.get("DISTRIB_ID", "").lower()
    return Release(path, name, fields.get("DISTRIB_RELEASE") or None) if name else None


def _by_debian(path: str, text: str) -> Release | None:
    """`6.0.10`, or `squeeze/sid` before a release. os-release has the first number alone."""
    number = _NUMBER.match(text.strip())
    return Release(path, "debian", number[0].partition(".")[0] if number else None)


OLD_FILES: tuple[tuple[str, Callable[[str, str], Release | None]], ...] = (
    ("/etc/oracle-release", _by_sentence),
    ("/etc/redhat-release", _by_sentence),
    ("/etc/SuSE-release", _by_suse),
    ("/etc/lsb-release", _by_lsb),
    ("/etc/system-release", _by_sentence),
    ("/etc/debian_version", _by_debian),
    ("/etc/issue", _by_sentence),
)
"""The surest first: Oracle and Scientific Linux have Red Hat's file too, Ubuntu Debian's."""
