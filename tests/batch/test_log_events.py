"""The log of a child goes to its parent as events."""

import json
import logging
import os

import pytest

from imgtool.batch import log_events
from imgtool.batch.events import EventWriter
from imgtool.util import log


@pytest.fixture
def root() -> logging.Logger:
    return logging.getLogger(log.ALL)


def test_each_record_from_the_level_on_is_an_event(root: logging.Logger) -> None:
    reading, writing = os.pipe()
    before = list(root.handlers)
    log_events.send_from(logging.INFO, EventWriter(writing))
    try:
        log.debug("imgtool.x", "a detail")
        log.info("imgtool.x", "a decision", route="streamed")
    finally:
        root.handlers[:] = before
        root.setLevel(logging.NOTSET)
        os.close(writing)
    with os.fdopen(reading) as lines:
        (event,) = map(json.loads, lines)
    assert event == {
        "log": "a decision", "logger": "imgtool.x", "level": logging.INFO, "fields": {"route": "streamed"}
    }  # fmt: skip
