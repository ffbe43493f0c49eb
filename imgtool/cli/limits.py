"""The limits on images that an operator may raise, by environment variables, which every command hears."""

from collections.abc import Mapping

from imgtool.errors import UsageError
from imgtool.util.text import parse_size, printable

_BEGINNING = "IMGTOOL_MAX_"


def apply(environment: Mapping[str, str]) -> None:
    """Put them in force. Raises UsageError for a value that is no size, or that would lower a limit."""
    if environment.get("IMGTOOL_ALLOW_UNCONFINED") == "1":
        from imgtool.process.qemu_img import RISK  # noqa: PLC0415 - loaded only where it is needed

        RISK.unconfined = True
    given = {name: value for name, value in environment.items() if name.startswith(_BEGINNING)}
    if not given:
        return
    from imgtool.formats.bounds import LIMITS, RAISED_BY  # noqa: PLC0415 - half of the start-up time

    for limit, variable in RAISED_BY.items():
        if variable in given:
            least = getattr(LIMITS, limit)
            setattr(LIMITS, limit, _at_least(least, variable, given[variable]))


def _at_least(least: int, variable: str, value: str) -> int:
    wanted = parse_size(value)
    if wanted is None or wanted < least:
        reason = f"{variable}={printable(value)}: not a size of at least {least} bytes, which is the default"
        raise UsageError(reason, hint="give bytes, or for example 512M, 100G, 128T")
    return wanted
