"""Packages of languages, by the metadata that pip, npm and RubyGems leave beside what they install.

Python: `NAME.dist-info/METADATA`, `NAME.egg-info/PKG-INFO` or the file `NAME.egg-info` (PyPA, "Core metadata
specifications"). npm: `node_modules/NAME/package.json`, also below a scope (docs.npmjs.com, package.json).
RubyGems: `specifications/NAME-VERSION.gemspec`, whose second line is what RubyGems itself reads of it
(lib/rubygems/stub_specification.rb); the rest is a program, which nobody runs here.

They have no database: the whole guest is walked through. What the distribution packaged is told here too.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

from imgtool.guest.filesystems.base import GuestReadError, Kind
from imgtool.guest.packages.base import MAX_PACKAGES, MAX_WORD_BYTES, optional_word, word
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage, Language
from imgtool.util.text import printable

MAX_ENTRIES = 500_000
"""Of the whole guest. A full desktop has 300,000."""
HEAD_BYTES = 64 << 10
"""Of METADATA and of a gemspec: what is wanted stands before the description."""
MAX_JSON_BYTES = 1 << 20
"""Of a package.json, which npm writes whole. The largest that are published have some 100 KiB."""
MAX_TOTAL_BYTES = 256 << 20
"""Of all that is read. A large application has 3,000 packages of some KiB each."""

_PYTHON = re.compile(r"/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)$")
_NPM = re.compile(r"/node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json$")
_GEM = re.compile(r"/specifications/(?:default/)?[^/]+\.gemspec$")
_STUB = re.compile(rb"^# stub: (\S+) (\S+) \S+ ", re.MULTILINE)
_GEM_LICENCES = re.compile(rb"^ *s\.licenses? = \[?([^\]\n]*)", re.MULTILINE)
_QUOTED = re.compile(rb"\"([^\"\\\n]+)\"")
_GEM_NAME = re.compile(r"(.+?)-([0-9][0-9A-Za-z.]*)(?:-[^/]*)?\.gemspec")


def language_packages(tree: GuestTree) -> Iterator[InstalledPackage]:
    """Each package once, where it stands first; those whose metadata names none are passed over.

    Raises GuestReadError where a file cannot be read, or where there is more than an image has.
    """
    seen: set[tuple[str, str, str]] = set()
    left_bytes = MAX_TOTAL_BYTES
    for path, node in tree.walk_nodes("/", MAX_ENTRIES):
        kind = _kind(path) if node.kind is Kind.FILE else None
        if kind is None:
            continue
        most = min(node.size_bytes, HEAD_BYTES if kind != "npm" else MAX_JSON_BYTES + 1)
        left_bytes -= most
        if left_bytes < 0 or len(seen) > MAX_PACKAGES:
            raise GuestReadError(
                f"packages of languages: more than {MAX_PACKAGES}, or {MAX_TOTAL_BYTES} bytes"
            )
        with node.open() as stream:
            found = _READERS[kind](stream.read(most), path)
        if found is not None and (one := (found.manager, found.name, found.version)) not in seen:
            seen.add(one)
            yield found


def _kind(path: str) -> Language | None:
    """Whose metadata the file is, by its name."""
    if path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")):
        return "pypi" if _PYTHON.search(path) else None
    if path.endswith("/package.json"):
        return "npm" if _NPM.search(path) else None
    return "gem" if path.endswith(".gemspec") and _GEM.search(path) else None


def _package(
    kind: Language, path: str, name: bytes, version: bytes, licence: bytes = b""
) -> InstalledPackage | None:
    """None where no name or no version of a package is there."""
    if not 0 < len(name) <= MAX_WORD_BYTES or not 0 < len(version) <= MAX_WORD_BYTES:
        return None
    return InstalledPackage(
        kind, word(name, path), word(version, path), source=printable(path), licence=optional_word(licence)
    )


def _python(content: bytes, path: str) -> InstalledPackage | None:
    """The first field of each name before the empty line; a licence's text goes on in further lines."""
    fields: dict[bytes, bytes] = {}
    for line in takewhile(bytes.strip, content.splitlines()):
        name, colon, value = line.partition(b":")
        if colon and not line[:1].isspace():
            fields.setdefault(name.lower(), value.strip())
    licence = fields.get(b"license-expression") or fields.get(b"license", b"")
    known = b"" if licence == b"UNKNOWN" else licence  # setuptools' word for what nobody said
    return _package("pypi", path, fields.get(b"name", b""), fields.get(b"version", b""), known)


def _npm(content: bytes, path: str) -> InstalledPackage | None:
    """None for what npm cannot read either, or what is no package: a folder's settings have no version."""
    if len(content) > MAX_JSON_BYTES:
        return None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    licence = document.get("license")
    if isinstance(licence, dict):  # as it was before npm 3
        licence = licence.get("type")
    name, version = _text(document.get("name")), _text(document.get("version"))
    return _package("npm", path, name, version, _text(licence))


def _text(value: Any) -> bytes:
    return value.encode("utf-8", "backslashreplace") if isinstance(value, str) else b""


def _gem(content: bytes, path: str) -> InstalledPackage | None:
    """Read the line for RubyGems; an older gemspec has none, and is told by its file's name."""
    told = _GEM_LICENCES.search(content)
    licence = b" OR ".join(_QUOTED.findall(told[1])) if told else b""
    stub = _STUB.search(content[:1024])
    if stub is not None:
        return _package("gem", path, stub[1], stub[2], licence)
    named = _GEM_NAME.fullmatch(path.rpartition("/")[2])
    return _package("gem", path, _text(named[1]), _text(named[2]), licence) if named else None


_READERS: dict[Language, Callable[[bytes, str], InstalledPackage | None]] = {
    "pypi": _python,
    "npm": _npm,
    "gem": _gem,
}
