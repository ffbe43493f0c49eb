"""The proof: one boot after the other, each of a throwaway copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from imgtool.boot import accelerator
from imgtool.boot.crowding import OVERLOADED_SHARE, crowded
from imgtool.boot.diagnosis.rules import STALE_INT3
from imgtool.boot.machine import MACHINES
from imgtool.boot.session import BootSession
from imgtool.errors import UsageError
from imgtool.model.boot import BootOptions, BootResult, Bus
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.process.programs import require
from imgtool.util.progress import Progress
from imgtool.util.text import printable


def boot_image(inspection: Inspection, options: BootOptions, progress: Progress) -> tuple[BootResult, ...]:
    """Boot the image on each bus, and ask its agent. The image is only read.

    Raises ToolMissingError and ToolFailedError where QEMU or a firmware is missing or fails, UsageError for
    an architecture that is not known, ImageUnreadableError where the image changed meanwhile.
    """
    architecture = architecture_of(inspection.guest)
    emulator = require(f"qemu-system-{architecture}")
    chosen = accelerator.choose(options.accel, architecture)
    progress.stage("boot", f"by {chosen.accelerator}: {chosen.reason}")
    with _kept(options.keep_log) as keep:
        bench = BootSession(inspection, options, architecture, emulator, chosen, keep, progress)
        return tuple(_boot(_by_load(bench), bus) for bus in options.buses)


def _by_load(bench: BootSession) -> BootSession:
    """An emulated guest on a busy machine has one CPU, whose clock counts instructions."""
    busy = crowded(0, OVERLOADED_SHARE) if bench.chosen.accelerator == "tcg" else None
    if busy is None:
        return bench
    bench.progress.stage("boot", f"this machine is busy ({busy}): the guest's clock counts its instructions")
    return replace(bench, counted=True, options=replace(bench.options, cpus=1))


def _boot(bench: BootSession, bus: Bus) -> BootResult:
    """One boot; once more with one CPU where QEMU's emulation of several failed, and not the image."""
    result = bench.boot(bus)
    if bench.chosen.accelerator != "tcg" or bench.options.cpus == 1 or not _emulation_failed(result):
        return result
    bench.progress.stage("boot", "again, with one CPU: QEMU's emulation of several went wrong")
    return replace(bench, options=replace(bench.options, cpus=1)).boot(bus)


def _emulation_failed(result: BootResult) -> bool:
    return result.diagnosis is not None and result.diagnosis.cause == STALE_INT3


def architecture_of(guest: GuestFacts) -> str:
    """What the guest was made for; x86_64 where nobody knows. Raises UsageError for one that is not known."""
    system = guest.linux or guest.windows
    found = system.architecture if system is not None else None
    name = found.value if isinstance(found, Known) else "x86_64"
    if name not in MACHINES:
        raise UsageError(f"the image is for {printable(name)}: only {' and '.join(MACHINES)} can be booted")
    return name


@contextmanager
def _kept(path: Path | None) -> Iterator[TextIO | None]:
    """The file for the whole serial log. Raises UsageError where it cannot be written."""
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        reason = printable(error.strerror or str(error))
        raise UsageError(f"{printable(str(path))}: the log cannot be written: {reason}") from error
    with file:
        yield file
