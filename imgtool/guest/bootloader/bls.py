"""What all readers of the Boot Loader Specification share: its lines, its counters, its order of versions.

Pure functions over text. Sources: the UAPI Group's "Boot Loader Specification" and "Version Format
Specification"; systemd 252 and 257, src/boot/efi-string.c (line_get_key_value), src/boot/boot.c
(boot_entry_parse_tries) and src/fundamental/string-util-fundamental.c (strverscmp_improved).
"""

from collections.abc import Callable
from dataclasses import dataclass

MAX_ENTRY_BYTES = 64 << 10
"""Of one file of a menu. An entry has ten lines."""
MAX_VERSION_CHARACTERS = 1024
"""Longer versions are compared by their beginnings."""
MAX_TRIES = (1 << 31) - 1

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VERSION_CHARACTERS = _DIGITS | _LETTERS | frozenset("~-^.")


@dataclass(frozen=True, slots=True)
class Tries:
    """Boot counting: what `NAME+LEFT-DONE.conf` says."""

    name: str
    """The file's name without the counter."""
    left: int
    done: int


def decoded(content: bytes) -> str:
    """A file's text up to its first NUL, bytes that are not UTF-8 left out."""
    return content.partition(b"\0")[0].decode("utf-8", "ignore")


def key_values(text: str, separators: str = " \t", quotes: str = "\"'") -> list[tuple[str, str]]:
    """The `KEY VALUE` lines of `text`, in their order; `=` as the separator reads an os-release file.

    A line without a separator says nothing. A value that stands between two of the same of `quotes` loses
    them.
    """
    found = []
    for raw in text.replace("\r", "\n").split("\n"):
        line = raw.strip(" \t")
        if not line or line.startswith("#"):
            continue
        end = next((index for index, character in enumerate(line) if character in separators), None)
        if end is not None:
            found.append((line[:end], _unquoted(line[end:].lstrip(separators), quotes)))
    return found


def _unquoted(value: str, quotes: str) -> str:
    if value and value[0] in quotes and value[-1] == value[0]:
        return value[1:-1]
    return value


def tries_in(name: str, suffix: str) -> Tries | None:
    """The counter in a file's name, before `suffix` in whatever case; None where there is none."""
    stem, plus, tail = name.rpartition("+")
    if not plus or not tail.lower().endswith(suffix):
        return None
    end = tail[len(tail) - len(suffix) :]
    left, dash, done = tail[: len(tail) - len(suffix)].partition("-")
    numbers = (left, done) if dash else (left,)
    if any(not number or not _DIGITS.issuperset(number) or len(number) > 20 for number in numbers):
        return None
    counts = [int(number) for number in numbers]
    return Tries(stem + end, counts[0], counts[-1] if dash else 0) if max(counts) <= MAX_TRIES else None


def compare_versions(one: str, other: str) -> int:
    """Return below 0 if `one` is older than `other`, above 0 if it is newer, 0 if they are equal.

    Digits compare as numbers and are newer than letters; `~` is older than an end; then `-`, `^` and `.`
    count, in this order from older to newer; all other characters only separate.
    """
    left, right = _Text(one[:MAX_VERSION_CHARACTERS]), _Text(other[:MAX_VERSION_CHARACTERS])
    while True:
        left.skip_others()
        right.skip_others()
        order = _prefixed(left, right, "~")
        if order:
            return order
        if left.ended or right.ended:
            return right.ended - left.ended
        order = _prefixed(left, right, "-") or _prefixed(left, right, "^") or _prefixed(left, right, ".")
        if order:
            return order
        order = _segments(left, right)
        if order:
            return order


class _Text:
    """A version and how far it is compared."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._text)

    @property
    def here(self) -> str:
        return self._text[self._at : self._at + 1]

    def skip_others(self) -> None:
        """Skip to the next character that counts."""
        while not self.ended and self.here not in _VERSION_CHARACTERS:
            self._at += 1

    def skip(self) -> None:
        self._at += 1

    def take(self, characters: frozenset[str]) -> str:
        """The run of `characters` that begins here."""
        start = self._at
        while not self.ended and self.here in characters:
            self._at += 1
        return self._text[start : self._at]


def _prefixed(left: _Text, right: _Text, mark: str) -> int:
    """Which is older by having `mark` here; where both have it, it is passed over."""
    if mark not in {left.here, right.here}:
        return 0
    order = (left.here != mark) - (right.here != mark)
    if order == 0:
        left.skip()
        right.skip()
    return order


def _segments(left: _Text, right: _Text) -> int:
    if left.here in _DIGITS or right.here in _DIGITS:
        return _compare(left.take(_DIGITS), right.take(_DIGITS), _by_number)
    return _compare(left.take(_LETTERS), right.take(_LETTERS), _by_letters)


def _compare(one: str, other: str, key: Callable[[str], tuple[object, ...]]) -> int:
    first, second = key(one), key(other)
    return (first > second) - (first < second)


def _by_number(digits: str) -> tuple[object, ...]:
    """No digits at all come first, then fewer digits, zeros in front left out."""
    plain = digits.lstrip("0")
    return bool(digits), len(plain), plain


def _by_letters(letters: str) -> tuple[object, ...]:
    """The longer one of two that begin alike is newer: as strings compare."""
    return (letters,)
