"""Time spans of systemd: systemd.time(7), parse_sec of src/basic/time-util.c."""

import math
import re

_UNITS = {
    **dict.fromkeys(("us", "usec", "µs"), 1e-6),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
    **dict.fromkeys(("M", "month", "months"), 2629800.0),
    **dict.fromkeys(("y", "year", "years"), 31557600.0),
}
_PART = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-zµ]*)")


def seconds_of(text: str) -> float | None:
    """Seconds of `90`, `1min 30s`, `infinity`; None where it is no time span."""
    text = text.strip()
    if text == "infinity":
        return math.inf
    total, position = 0.0, 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None or found[2] not in _UNITS:
            return None
        total += float(found[1]) * _UNITS[found[2]]
        position = found.end()
    return total if text else None
