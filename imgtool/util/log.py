"""The log: what imgtool does and decides, as records of Python's logging, without a secret.

Loading `logging` would make every start slower, so it is used only where somebody has loaded it: whoever
reads a log has. A logger has the name of the module that speaks; a stage of the work is told by STAGES.
A record's `fields` are what it says in parts: `route`, `seconds`, `image`.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from imgtool.util.text import printable

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
"""The levels of `logging`."""
ALL = "imgtool"
"""The logger above all others."""
STAGES = "imgtool.stage"

Field = str | int | float | None

_image: ContextVar[str | None] = ContextVar("imgtool_image", default=None)
_secrets: set[str] = set()


def debug(logger: str, message: str, **fields: Field) -> None:
    """Log a detail: a program that ran, a request that was answered."""
    emit(DEBUG, logger, message, fields)


def info(logger: str, message: str, **fields: Field) -> None:
    """Log a decision."""
    emit(INFO, logger, message, fields)


def warning(logger: str, message: str, **fields: Field) -> None:
    """Log what went wrong and was dealt with."""
    emit(WARNING, logger, message, fields)


def error(logger: str, message: str, **fields: Field) -> None:
    """Log why the work ended."""
    emit(ERROR, logger, message, fields)


def stage(name: str, message: str, **fields: Field) -> None:
    """Log that a stage begins or ends."""
    emit(INFO, STAGES, f"{name}: {message}", {"stage": name, **fields})


def emit(level: int, logger: str, message: str, fields: Mapping[str, Field]) -> None:
    """Log a record where somebody listens; `fields` that are None are left out."""
    target = _logger(logger)
    if target is None or not target.isEnabledFor(level):
        return
    about = {"image": _image.get(), **fields}
    shown = {name: _shown(value) for name, value in about.items() if value is not None}
    target.log(level, "%s", _shown(message), extra={"fields": shown})


def level() -> int | None:
    """The level of what is listened to; None where that is nothing of what happens in the course of work."""
    root = _logger(ALL)
    return root.getEffectiveLevel() if root is not None and root.isEnabledFor(INFO) else None


@contextmanager
def about(image: str) -> Iterator[None]:
    """Each record of the block is about this image."""
    before = _image.set(image)
    try:
        yield
    finally:
        _image.reset(before)


def hide(secrets: Iterable[str]) -> None:
    """Mask these values in every record from now on, beside all that looks like a secret."""
    _secrets.update(secret for secret in secrets if secret.strip())


def _logger(name: str) -> Any:
    """None where nobody has loaded `logging`, or is about to only now."""
    logging = sys.modules.get("logging")
    if getattr(logging, "getLogger", None) is None:
        return None
    root = logging.getLogger(ALL)  # type: ignore[union-attr]  # asked above
    if not root.handlers:  # without one, Python prints warnings on stderr
        root.addHandler(logging.NullHandler())  # type: ignore[union-attr]  # asked above
    return logging.getLogger(name)  # type: ignore[union-attr]  # asked above


def _shown(value: Field) -> Field:
    if not isinstance(value, str):
        return value
    from imgtool.util.redaction import redact, secrets_of  # noqa: PLC0415 - only where there is a log

    return printable(redact(value, {*_secrets, *secrets_of(os.environ)}))
