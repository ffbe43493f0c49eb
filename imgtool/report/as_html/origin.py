"""When and where a page was made: who finds it in an archive wants to know.

The one thing in a page that is not of the results; tests set SOURCE_DATE_EPOCH for the time, as
https://reproducible-builds.org/specs/source-date-epoch/ has it.
"""

import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Time and place."""

    moment: str
    """ISO 8601, in UTC, to the second."""
    host: str


def here_and_now() -> Origin:
    """This machine and this moment, or the one that SOURCE_DATE_EPOCH names."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(told) if told.isdecimal() else time.time()
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Origin(moment, socket.gethostname())
