"""The values of a manifest, from the text that stands there; each raises what is wrong with it."""

import re
import uuid

from imgtool.errors import UsageError
from imgtool.formats.claims import format_named
from imgtool.model.delivery import CloudName
from imgtool.util.text import printable
from imgtool.util.yaml_file import complaint

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)")


def text(value: str) -> str:
    """What is neither empty nor unprintable."""
    if not value or printable(value) != value:
        raise complaint(f"{printable(value)!r} is empty, or not printable")
    return value


def path(value: str) -> str:
    """What a file can be named by: anything but nothing, and no zero byte."""
    if not value or "\0" in value:
        raise complaint(f"{printable(value)!r} is empty, or no file can be named so")
    return value


def each_once(found: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values in their order; raises for one that is there twice."""
    return tuple(dict.fromkeys(found))


def source_format(value: str) -> str:
    """qemu-img's name of it."""
    try:
        return format_named(value)
    except UsageError as error:
        raise complaint(error.message, hint=error.hint) from error


def sha256(value: str) -> str:
    """Return the digest in lower case."""
    return _hash(value, "SHA-256", digits=64, tool="sha256sum")


def sha512(value: str) -> str:
    """Return the digest in lower case."""
    return _hash(value, "SHA-512", digits=128, tool="sha512sum")


def _hash(value: str, name: str, *, digits: int, tool: str) -> str:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
        raise complaint(f"{value!r} is no {name}, which has {digits} hexadecimal digits", hint=f"{tool} FILE")
    return value.lower()


def image_id(value: str) -> str:
    """A UUID as Glance writes it."""
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise complaint(f"{value!r} is no UUID") from error


def seconds(value: object) -> float | None:
    """Return the seconds of a duration such as 90, 90s, 30m, 2h, 1d; None stays None."""
    if value is None:
        return None
    found = _DURATION.fullmatch(str(value))
    length = float(found.group(1)) * _UNITS[found.group(2)] if found else 0.0
    if length < 1:
        raise complaint(
            f"invalid duration {value!r} (examples: 90s, 30m, 2h, 1d)", hint="give a number and a unit"
        )
    return length


def clouds(found: tuple[str, ...]) -> tuple[str, ...]:
    """Names that `cloud` takes, none twice."""
    for one in found:
        cloud(one)
    if len(set(found)) < len(found):
        raise complaint("the same cloud is named twice", hint="leave one of them out")
    return found


def cloud(value: str) -> CloudName:
    """NAME or NAME/REGION."""
    try:
        return CloudName.parse(value)
    except ValueError as error:
        raise complaint(str(error)) from None
