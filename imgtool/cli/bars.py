"""Progress on stderr: a line a stage, and a tqdm bar in bytes with rate and time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from imgtool.cli import console, quiet_tqdm
from imgtool.util import log
from imgtool.util.progress import Meter, NullMeter
from imgtool.util.text import printable

if TYPE_CHECKING:
    from tqdm import tqdm

When = Literal["auto", "always", "never"]


class TerminalProgress:
    """Stages unless `when` is never; bars on a terminal, or when `when` is always."""

    def __init__(self, when: When, *, stages: bool = True) -> None:
        self._stages = stages and when != "never" and not console.is_logged()
        self._bars = when == "always" or (when == "auto" and sys.stderr.isatty())

    def stage(self, name: str, message: str) -> None:
        """One line, and a record of the log."""
        log.stage(name, message)
        if self._stages:
            console.log(f"{console.paint(name.ljust(8), 'title')} {printable(message)}")

    @contextmanager
    def meter(self, label: str, total_bytes: int | None) -> Iterator[Meter]:
        """A bar that goes when the work is done."""
        if not self._bars:
            yield NullMeter()
            return
        with _bar(label, total_bytes) as bar:
            yield _BarMeter(bar)


class _BarMeter:
    def __init__(self, bar: "tqdm[Any]") -> None:
        self._bar = bar

    def advance(self, amount_bytes: int) -> None:
        self._bar.update(amount_bytes)


def _bar(label: str, total_bytes: int | None) -> "tqdm[Any]":
    return quiet_tqdm.load()(
        total=total_bytes,
        desc=label.ljust(8),
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
    )
