"""Which of two versions is newer, by the rules of the package manager that has them.

dpkg: deb-version(7), lib/dpkg/version.c. RPM: rpmvercmp. pacman: libalpm's own form of that. apk: the
suffixes of apk-tools' src/version.c, which stand before or after the bare version, in the order that dpkg
gives to `~` and letters.
"""

import re
from collections.abc import Callable, Mapping

from imgtool.guest.bootloader.grub.rpm_order import compare_versions
from imgtool.model.packages import PackageManager

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_ALPM = re.compile(r"([^0-9A-Za-z]*)([0-9]+|[A-Za-z]+)")
_BEFORE = re.compile(r"_(alpha|beta|pre|rc)")
"""apk's suffixes of what comes before a release."""


def compare(manager: PackageManager, left: str, right: str) -> int:
    """Return a number below zero where `left` is older, above zero where it is newer, else zero.

    `manager` is one of ORDERS.
    """
    return ORDERS[manager](left, right)


def _in_turn(left: str, right: str, order: Callable[[str, str], int]) -> int:
    """Epoch, then the upstream version, then the revision behind the last hyphen: the first that differs."""
    pairs = zip(_parts_of(left), _parts_of(right), strict=True)
    return next((found for one, other in pairs if (found := order(one, other))), 0)


def _parts_of(version: str) -> tuple[str, str, str]:
    """No epoch is 0."""
    epoch, colon, rest = version.partition(":")
    upstream, hyphen, revision = (rest if colon else version).rpartition("-")
    return (epoch if colon else "0"), upstream if hyphen else revision, revision if hyphen else ""


def _dpkg(left: str, right: str) -> int:
    return _in_turn(left, right, _by_parts)


def _by_parts(left: str, right: str) -> int:
    """Letters and numbers in turn: verrevcmp."""
    ours, theirs = _PARTS.findall(left), _PARTS.findall(right)
    for index in range(max(len(ours), len(theirs))):
        (text, number), (other_text, other_number) = _at(ours, index), _at(theirs, index)
        order = _texts(text, other_text) or _numbers(number, other_number)
        if order:
            return order
    return 0


def _at(parts: list[tuple[str, str]], index: int) -> tuple[str, str]:
    return parts[index] if index < len(parts) else ("", "")


def _texts(left: str, right: str) -> int:
    for index in range(max(len(left), len(right))):
        order = _sign(_weight(left[index : index + 1]), _weight(right[index : index + 1]))
        if order:
            return order
    return 0


def _weight(character: str) -> int:
    """`~` comes before the end, the end before letters, and letters before all else."""
    if character == "~":
        return -1
    if not character:
        return 0
    return ord(character) if character.isalpha() else ord(character) + 256


def _sign(left: int, right: int) -> int:
    return (left > right) - (left < right)


def _numbers(left: str, right: str) -> int:
    """Digits, of which a saved document may have more than Python makes a number of."""
    one, other = left.lstrip("0"), right.lstrip("0")
    return _sign(len(one), len(other)) or (one > other) - (one < other)


def _rpm(left: str, right: str) -> int:
    return _in_turn(left, right, lambda one, other: compare_versions(one, other, "^"))


def _pacman(left: str, right: str) -> int:
    """Epoch, version, and the release where both have one."""
    (epoch, main, release), (other_epoch, other_main, other_release) = _parts_of(left), _parts_of(right)
    order = _alpm(epoch, other_epoch) or _alpm(main, other_main)
    return order or (_alpm(release, other_release) if release and other_release else 0)


def _alpm(left: str, right: str) -> int:
    """Segments with what stands before each; more of it counts for more: lib/libalpm/version.c, rpmvercmp."""
    ours, theirs = _ALPM.findall(left), _ALPM.findall(right)
    for (before, one), (other_before, other) in zip(ours, theirs, strict=False):
        if len(before) != len(other_before):
            return _sign(len(before), len(other_before))
        if one.isdigit() != other.isdigit():
            return 1 if one.isdigit() else -1
        order = _numbers(one, other) if one.isdigit() else (one > other) - (one < other)
        if order:
            return order
    return _rest(ours[len(theirs) :], theirs[len(ours) :])


def _rest(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> int:
    """Letters alone behind an equal beginning are older than nothing: 1.0rc1 comes before 1.0."""
    if not ours and not theirs:
        return 0
    before, one = (ours or theirs)[0]
    newer = -1 if one.isalpha() and not before else 1
    return newer if ours else -newer


def _apk(left: str, right: str) -> int:
    return _dpkg(_BEFORE.sub(r"~\1", left), _BEFORE.sub(r"~\1", right))


ORDERS: Mapping[PackageManager, Callable[[str, str], int]] = {
    "dpkg": _dpkg,
    "rpm": _rpm,
    "pacman": _pacman,
    "apk": _apk,
    "windows": _dpkg,
}
"""Packages of languages have none here: each language counts in its own way."""
