"""What may go wrong, told to a person."""

from pathlib import Path

TAIL_LINES = 15


class DevcloudError(Exception):
    """The cloud could not be made, started or stopped; the message says what to do."""


def tail(log: Path) -> str:
    """The last lines of `log`, indented, for a message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(f"\n    {line}" for line in lines[-TAIL_LINES:])
