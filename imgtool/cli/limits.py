"""The limits on images that an operator may raise, by environment variables, which every command hears."""

from collections.abc import Mapping

from imgtool.errors import UsageError
from imgtool.text import printable

_BEGINNING = "IMGTOOL_MAX_"
_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def apply(environment: Mapping[str, str]) -> None:
    """Put them in force. Raises UsageError for a value that is no size, or that would lower a limit."""
    given = {name: value for name, value in environment.items() if name.startswith(_BEGINNING)}
    if not given:
        return
    from imgtool.formats.bounds import LIMITS, RAISED_BY  # noqa: PLC0415 - half of the start-up time

    for limit, variable in RAISED_BY.items():
        if variable in given:
            least = getattr(LIMITS, limit)
            setattr(LIMITS, limit, _at_least(least, variable, given[variable]))


def size_bytes(text: str) -> int | None:
    """Bytes of `512`, `64k`, `2M`, `100G`, `128T`, `1P`, as qemu-img takes them; None where it is no size."""
    factor = _FACTORS.get(text[-1:].lower(), 1)
    number = text if factor == 1 else text[:-1]
    return int(number) * factor if number.isascii() and number.isdigit() and len(number) < 20 else None


def _at_least(least: int, variable: str, value: str) -> int:
    wanted = size_bytes(value)
    if wanted is None or wanted < least:
        reason = f"{variable}={printable(value)} is no size, or less than the {least} bytes that are allowed"
        raise UsageError(reason, hint="give bytes, or as in 512M, 100G, 128T")
    return wanted
