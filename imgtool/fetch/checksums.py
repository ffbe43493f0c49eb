"""Hashes as publishers give them: `sha256:HEX`, and lists such as SHA256SUMS, CHECKSUM and NAME.sha256.

A list has lines of sha256sum (`HEX  NAME`, `HEX *NAME`), of BSD and openssl (`SHA256 (NAME) = HEX`), or one
hash alone. Of a text that is signed in the clear (RFC 9580, section 7) only what is signed counts; the
signature itself is not verified here.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.fetch.urls import check_url, is_url
from imgtool.util.text import enumerated, human_size, printable

Hashes = Mapping[str, str]
"""What a file must have: values in hexadecimal, by hashlib's names."""

DIGITS = {"sha256": 64, "sha512": 128}
"""Hexadecimal digits of the algorithms that prove anything."""
MAX_LIST_BYTES = 4 << 20
"""Fedora's and Debian's have some kilobytes."""

_BY_LENGTH = {
    **{digits: name for name, digits in DIGITS.items()},
    32: "md5",
    40: "sha1",
    56: "sha224",
    96: "sha384",
}
_GNU = re.compile(r"(\\?)([0-9a-fA-F]{32,128})[ \t]+\*?(.+?)\s*")
_BSD = re.compile(r"([A-Za-z0-9/-]{2,12}) ?\((.+)\) ?= ?([0-9a-fA-F]{32,128})\s*")
_ALONE = re.compile(r"([0-9a-fA-F]{32,128})\s*")

_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


def parse_one(text: str) -> tuple[str, str]:
    """The algorithm and the value of `sha256:HEX` or `sha512:HEX`. Raises UsageError."""
    algorithm, colon, value = text.partition(":")
    algorithm = algorithm.lower().replace("-", "")
    if not colon or algorithm not in DIGITS:
        raise UsageError(
            f"{printable(text[:80])!r} is not sha256:HEX or sha512:HEX", hint="other hashes prove too little"
        )
    if not re.fullmatch(rf"[0-9a-fA-F]{{{DIGITS[algorithm]}}}", value):
        raise UsageError(
            f"{printable(value[:140])!r} is no {algorithm}, which has {DIGITS[algorithm]} hexadecimal digits",
            hint=f"{algorithm}sum FILE",
        )
    return algorithm, value.lower()


def merged(shown: str, *several: Hashes) -> dict[str, str]:
    """All of them. Raises UsageError where two say different things of the file that is `shown`."""
    found: dict[str, str] = {}
    for hashes in several:
        for algorithm, value in hashes.items():
            if found.setdefault(algorithm, value) != value:
                raise UsageError(
                    f"{shown}: two different {algorithm} hashes are given: {found[algorithm]} and {value}",
                    hint="compare with what the publisher says",
                )
    return found


@dataclass(frozen=True, slots=True)
class ChecksumList:
    """What one list says."""

    shown: str
    """What messages call it."""
    found: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """By the file's name as it stands there, and by algorithm; the name of a hash alone is empty."""

    def hashes_of(self, name: str) -> dict[str, str]:
        """What the file of that name must have, one at least. Raises UsageError where that is not clear."""
        listed = self._listed(name)
        if not listed:
            raise UsageError(
                f"{self.shown}: has no line for {printable(name)}", hint=f"it has: {self._names() or 'none'}"
            )
        usable = {algorithm: values for algorithm, values in listed.items() if algorithm in DIGITS}
        if not usable:
            weak = ", ".join(sorted(listed))
            raise UsageError(
                f"{self.shown}: has only {weak} for {printable(name)}, which proves nothing",
                hint="take the publisher's list of sha256 or sha512",
            )
        for algorithm, values in usable.items():
            if len(values) > 1:
                raise UsageError(
                    f"{self.shown}: has {len(values)} different {algorithm} hashes for {printable(name)}",
                    hint="compare with what the publisher says, and give the right one by --checksum",
                )
        return {algorithm: next(iter(values)) for algorithm, values in usable.items()}

    def _listed(self, name: str) -> dict[str, set[str]]:
        """What stands there for that very name, else for files of that name in folders, else for any file."""
        for same in (lambda one: one == name, lambda one: _base(one) == name, lambda one: not one):
            joined: dict[str, set[str]] = defaultdict(set)
            for listed in (self.found[one] for one in self.found if same(one)):
                for algorithm, values in listed.items():
                    joined[algorithm] |= values
            if joined:
                return joined
        return {}

    def _names(self) -> str:
        return enumerated([printable(one) for one in self.found if one], most=5)


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def parse_list(text: str, shown: str) -> ChecksumList:
    """The list that `text` is. Lines that are no hashes are passed over: lists have comments and titles."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, algorithm, value in filter(
        None, map(_entry, _signed(text.removeprefix("\ufeff").splitlines()))
    ):
        found[name][algorithm].add(value.lower())
    frozen = {
        name: {algorithm: frozenset(values) for algorithm, values in listed.items()}
        for name, listed in found.items()
    }
    return ChecksumList(shown, frozen)


def _signed(lines: Sequence[str]) -> Iterator[str]:
    """The lines that count: of a text with a signature in the clear those that it signs."""
    if _SIGNED not in (line.rstrip() for line in lines):
        yield from lines
        return
    state = "before"
    for line in lines:
        mark = line.rstrip()
        if mark == _SIGNED:
            state = "headers"
        elif mark == _SIGNATURE:
            state = "after"
        elif state == "headers" and not mark:
            state = "signed"
        elif state == "signed":
            yield line.removeprefix("- ")


def _entry(line: str) -> tuple[str, str, str] | None:
    """Name, algorithm and value; None of a line that has none."""
    line = line.strip()
    if found := _BSD.fullmatch(line):
        algorithm = found[1].lower().replace("-", "")
        proves = DIGITS.get(algorithm) in {None, len(found[3])}
        return (found[2], algorithm, found[3]) if proves else None
    if found := _GNU.fullmatch(line):
        name = _unescaped(found[3]) if found[1] else found[3]
        return name, _BY_LENGTH.get(len(found[2]), "unknown hashes"), found[2]
    if found := _ALONE.fullmatch(line):
        return "", _BY_LENGTH.get(len(found[1]), "unknown hashes"), found[1]
    return None


def _unescaped(name: str) -> str:
    """A name that sha256sum wrote behind a backslash."""
    return re.sub(r"\\([\\nr])", lambda one: {"\\": "\\", "n": "\n", "r": "\r"}[one[1]], name)


def read_list(named: str, folder: Path) -> ChecksumList:
    """The list at a URL, or at a path relative to `folder`. Raises UsageError, FetchError."""
    if is_url(named):
        from imgtool.fetch import download  # noqa: PLC0415 - loads what speaks http

        url = check_url(named)
        return parse_list(download.text(url.text, MAX_LIST_BYTES), url.shown)
    path, shown = folder / named, printable(named)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{shown}: cannot be read: {error.strerror}", hint="name the list of hashes"
        ) from error
    if len(content) > MAX_LIST_BYTES:
        reason = f"{shown}: is larger than {human_size(MAX_LIST_BYTES)}"
        raise UsageError(reason, hint="name the list of hashes, and not the image")
    return parse_list(content.decode("utf-8", "replace"), shown)
