"""The log of a child, on its way to the parent as events: `{"log", "logger", "level", "fields"}`.

Loaded by children whose parent has a log: it loads `logging`.
"""

import logging

from imgtool.batch.events import EventWriter
from imgtool.util import log


class LogEvents(logging.Handler):
    """Writes each record as an event."""

    def __init__(self, events: EventWriter) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """One line. Stages are events already (EventWriter), and are no records here."""
        fields = getattr(record, "fields", {})
        event = {"log": record.getMessage(), "logger": record.name, "level": record.levelno, "fields": fields}
        self._events.send(event)


def send_from(level: int, events: EventWriter) -> None:
    """Send what is logged in this process, from `level` on."""
    root = logging.getLogger(log.ALL)
    root.addHandler(LogEvents(events))
    root.setLevel(level)
