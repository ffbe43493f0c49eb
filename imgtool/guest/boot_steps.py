"""The boot told step by step: what each program does with the disk, until the first that does not go on.

What is judged is read elsewhere; here it is put in the order in which it happens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from imgtool.guest.boot_runs import BootRun, BootRuns
from imgtool.guest.bootloader.run import LoadedEntry, LoaderRun
from imgtool.guest.bootloader.start import NoStart
from imgtool.guest.system_steps import system_steps
from imgtool.model.boot_path import SERVICES, BootPath, BootStep, StepOutcome
from imgtool.model.linux import LinuxFacts
from imgtool.util.text import printable

LOADERS = {
    "grub": "GRUB",
    "grub-legacy": "GRUB legacy",
    "systemd-boot": "systemd-boot",
    "unified-image": "a unified kernel image",
    "syslinux": "SYSLINUX",
    "windows": "Windows' boot manager",
    "other": "a boot loader that is not known",
}
_STARTS = ("entry", "menu")

MOST_SECONDS = 300
"""As long as Tempest waits for a server, its `build_timeout`: who comes up later is taken for dead."""


def boot_paths(runs: BootRuns) -> tuple[BootPath, ...]:
    """The path by BIOS and the one by UEFI, as far as the loaders go."""
    return tuple(
        BootPath(run.firmware, tuple(_steps(run)), used=run is runs.chosen) for run in (runs.bios, runs.uefi)
    )


def with_system(paths: Sequence[BootPath], linux: LinuxFacts) -> tuple[BootPath, ...]:
    """Follow the path that Nova takes to the guest agent, or until it stops."""
    return tuple(replace(path, steps=_followed(path, linux)) if path.used else path for path in paths)


def _followed(path: BootPath, linux: LinuxFacts) -> tuple[BootStep, ...]:
    if not path.starts_a_kernel:
        return path.steps
    later: list[BootStep] = []
    for step in system_steps(linux):
        later.append(step)
        if step.outcome != "goes-on" and step.name not in SERVICES:
            break
    return (*path.steps, *later)


def _steps(run: BootRun) -> Iterator[BootStep]:
    start = run.start
    if isinstance(start, NoStart) or run.loader is None:
        reason = start.reason if isinstance(start, NoStart) else ""
        known = not isinstance(start, NoStart) or start.known
        evidence = start.evidence if isinstance(start, NoStart) else ""
        yield BootStep("firmware", "stops" if known else "unknown", printable(reason), printable(evidence))
        return
    yield BootStep("firmware", "goes-on", f"starts {LOADERS[start.loader]}", printable(start.place))
    yield from _of_loader(run.loader)


def _of_loader(run: LoaderRun) -> Iterator[BootStep]:
    place = printable(run.places[-1]) if run.places else ""
    if run.end == "error" and run.booted is not None:
        yield from _of_failed_entry(run, run.booted, place)
        return
    if run.end not in _STARTS:
        outcome: StepOutcome = "unknown" if run.end == "unknown" else "stops"
        yield BootStep("loader", outcome, printable(run.reason), place)
        return
    yield _configured(place)
    title = _title(run.booted) if run.booted is not None else ""
    if run.end == "menu":
        shown = f"; {title} is marked" if title else ""
        yield BootStep("entry", "waits", f"{printable(run.reason)}{shown}", place)
        return
    if run.seconds is not None and run.seconds > MOST_SECONDS:
        yield BootStep("entry", "waits", _entry(title, run), place)
        return
    yield BootStep("entry", "goes-on", _entry(title, run), place)
    if run.booted is not None:
        yield _of_kernel(run)


def _of_failed_entry(run: LoaderRun, booted: LoadedEntry, place: str) -> Iterator[BootStep]:
    """The loader came as far as an entry, whose files it cannot load."""
    yield _configured(place)
    yield BootStep("entry", "goes-on", _title(booted), place)
    yield BootStep("kernel", "stops", printable(run.reason), printable(booted.entry.source))


def _configured(place: str) -> BootStep:
    summary = "reads its configuration" if place else "has no configuration"
    return BootStep("loader", "goes-on", summary, place)


def _title(booted: LoadedEntry) -> str:
    return printable(booted.entry.title or booted.entry.name)


def _entry(title: str, run: LoaderRun) -> str:
    after = f" after {run.seconds:g} s" if run.seconds else ""
    return f"{title}{after}: {printable(run.reason)}" if title else f"{printable(run.reason)}{after}"


def _of_kernel(run: LoaderRun) -> BootStep:
    booted = run.booted
    assert booted is not None  # noqa: S101 - asked for where there is one only
    if booted.problem:
        return BootStep("kernel", "stops", printable(booted.problem), printable(booted.entry.source))
    if booted.kernel is None:
        return BootStep("kernel", "stops", "the entry loads no kernel", printable(booted.entry.source))
    return BootStep(
        "kernel", "goes-on", f"loads {printable(booted.entry.linux)}", printable(str(booted.kernel))
    )
