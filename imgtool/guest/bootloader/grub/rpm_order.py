"""The order of names like `kernel-5.14.0-70.el9.x86_64` that blscfg sorts by: RPM's order of versions.

Source: grub-core/commands/blscfg.c of rhboot/grub2 (vercmp, split_package_string).
"""

import re

_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")


def compare_names(left: str, right: str) -> int:
    """1 where `left` is newer, -1 where `right` is, 0 where nothing tells them apart."""
    for one, other in zip(_split(left), _split(right), strict=True):
        order = compare_versions(one, other)
        if order:
            return order
    return 0


def _split(name: str) -> tuple[str, str, str]:
    """Name, version and release, which the last two dashes part; what is missing moves to the left."""
    parts = name.rsplit("-", 2)
    return (*parts, *[""] * (3 - len(parts)))  # type: ignore[return-value]  # three, by what is added


def compare_versions(left: str, right: str, caret: str = "+") -> int:
    """Return the same of two versions, segment by segment.

    `caret` is what comes before all but the end: `+` for blscfg, `^` for RPM itself (rpmio/rpmvercmp.c).
    """
    if left == right:
        return 0
    between = re.compile(rf"[^0-9A-Za-z~{re.escape(caret)}]*")
    at, other = 0, 0
    while at < len(left) or other < len(right):
        at = between.match(left, at).end()  # type: ignore[union-attr]  # it matches nothing too
        other = between.match(right, other).end()  # type: ignore[union-attr]  # the same
        sign = _signs(left[at : at + 1], right[other : other + 1], caret)
        if sign is not None:
            return sign
        if left[at : at + 1] in {"~", caret} and at < len(left):
            at, other = at + 1, other + 1
            continue
        one, two = _SEGMENT.match(left, at), _SEGMENT.match(right, other)
        if one is None or two is None:
            break
        order = _segments(one[0], two[0])
        if order:
            return order
        at, other = one.end(), two.end()
    return (at < len(left)) - (other < len(right))


def _signs(one: str, two: str, caret: str) -> int | None:
    """`~` comes before everything, `caret` before all but the end; None where neither decides."""
    if "~" in {one, two} and one != two:
        return -1 if one == "~" else 1
    if caret in {one, two} and one != two:
        if not one or not two:
            return 1 if two == "" else -1
        return 1 if two == caret else -1
    return None


def _segments(one: str, two: str) -> int:
    if one.isdigit() != two.isdigit():
        return 1 if one.isdigit() else -1
    if one.isdigit():
        one, two = one.lstrip("0"), two.lstrip("0")
        if len(one) != len(two):
            return 1 if len(one) > len(two) else -1
    return (one > two) - (one < two)
