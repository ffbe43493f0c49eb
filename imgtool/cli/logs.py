"""Where the log goes: lines on stderr, lines in a file, or records with fields to systemd's journal.

Loaded only where a log is asked for: it loads `logging`.
"""

import json
import logging
import os
import socket
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgtool.cli import console
from imgtool.errors import UsageError
from imgtool.util import log
from imgtool.util.text import printable

JOURNAL_SOCKET = "/run/systemd/journal/socket"
JOURNAL_CHARACTERS = 16 << 10
"""Of one value: a datagram has to fit into the socket's buffer."""
_PRIORITIES = {log.DEBUG: 7, log.INFO: 6, log.WARNING: 4, log.ERROR: 3}
"""Of syslog(3), by level."""
_MODE = 0o600
_LOOKED_AT_BYTES = 64 << 10
"""Of what a log is appended to: no image has so many bytes without a zero, and no text has one."""
_installed: list[logging.Handler] = []


def to_stderr(level: int) -> None:
    """Show records from `level` on, as lines on stderr; where that is the journal, send them to it."""
    handler = _journal() if _is_journal() else None
    _install(handler or _Stderr(), level)


def to_file(path: Path) -> None:
    """Append everything to the file; one that is made now only its owner may read. Raises UsageError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOCTTY, _MODE)
    except OSError as error:
        raise _unusable(path, f"the log cannot be written: {error.strerror}") from error
    if not _takes_text(descriptor):
        os.close(descriptor)
        raise _unusable(path, "is no text, to which a log could be appended")
    _install(_File(open(descriptor, "a", encoding="utf-8")), log.DEBUG)  # noqa: SIM115, PTH123 - `close` does


def _unusable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{printable(str(path))}: {reason}", hint="name a new file, or an older log, where you may write"
    )


def _takes_text(descriptor: int) -> bool:
    """Whether a line can be appended: neither to a block device, nor to what may be somebody's image."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        return not stat.S_ISBLK(mode)
    return b"\0" not in os.pread(descriptor, _LOOKED_AT_BYTES, 0)


def close() -> None:
    """End the log."""
    root = logging.getLogger(log.ALL)
    while _installed:
        handler = _installed.pop()
        root.removeHandler(handler)
        handler.close()
    root.setLevel(logging.NOTSET)


def line(record: logging.LogRecord) -> str:
    """One line: time (ISO 8601, UTC), level, logger, message, and the fields as key=value."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields = "".join(f" {name}={_value(value)}" for name, value in _fields(record).items())
    return f"{time.replace('+00:00', 'Z')} {record.levelname} {record.name}: {record.getMessage()}{fields}"


def datagram(record: logging.LogRecord) -> bytes:
    """A record as the journal takes it: KEY=value lines. https://systemd.io/JOURNAL_NATIVE_PROTOCOL/"""
    values = {
        "MESSAGE": record.getMessage(),
        "PRIORITY": _PRIORITIES.get(record.levelno, 6),
        "SYSLOG_IDENTIFIER": "imgtool",
        "LOGGER": record.name,
        **{f"IMGTOOL_{name.upper()}": value for name, value in _fields(record).items()},
    }
    lines = (f"{name}={str(value)[:JOURNAL_CHARACTERS]}\n" for name, value in values.items())
    return "".join(lines).encode("utf-8", "backslashreplace")


class _Stderr(logging.Handler):
    """Lines above whatever is shown of the progress. An error that ends the command is shown there anyway."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one line."""
        if record.name == console.__name__:
            return
        console.log(line(record))


class _File(logging.StreamHandler[Any]):
    """A file. What cannot be written there is lost, which is said once."""

    _has_failed = False

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return line(record)

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say that the log is incomplete; the work goes on."""
        if not self._has_failed:
            self._has_failed = True
            console.log(f"imgtool: the log is incomplete: {printable(str(sys.exc_info()[1]))}")

    def close(self) -> None:
        """Close the file too."""
        with suppress(OSError):  # it was said when the record was written
            self.stream.close()
        super().close()


class _Journal(logging.Handler):
    """Systemd's journal. What it does not take is lost."""

    def __init__(self, channel: socket.socket) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send one datagram."""
        try:
            self._channel.send(datagram(record))
        except OSError:
            return

    def close(self) -> None:
        """Close the socket too."""
        self._channel.close()
        super().close()


def _is_journal() -> bool:
    """Whether stderr goes to the journal: systemd.exec(5), JOURNAL_STREAM."""
    try:
        there = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _journal() -> _Journal | None:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        channel.connect(JOURNAL_SOCKET)
    except OSError:
        channel.close()
        return None
    return _Journal(channel)


def _install(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger(log.ALL)
    handler.setLevel(level)
    root.addHandler(handler)
    _installed.append(handler)
    root.setLevel(min(one.level for one in _installed))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def _value(value: Any) -> str:
    """A float in milliseconds at most; in quotes where it would not end at the next blank."""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    plain = text and not any(character in text for character in ' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
