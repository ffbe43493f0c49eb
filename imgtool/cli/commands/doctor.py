"""`imgtool doctor`: what this machine has, and what a cloud has for images."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgtool import doctor
from imgtool.cli import console, defaults, delivery, options
from imgtool.errors import EXIT_OK, CloudError, ToolMissingError
from imgtool.model.delivery import CloudName
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report import as_json
from imgtool.util import state_folder
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.report.documents import others

_ROLES = {"ok": "good", "note": "doubt", "missing": "bad"}


@click.command("doctor", cls=options.OptionalValueCommand)
@delivery.clouds_to_examine
@options.output
@options.logging
def command(clouds: tuple[CloudName, ...], output: str) -> int:
    """Show what this machine has for each command: programs, libraries, confinement, room, clouds.

    With --cloud also what that cloud has: whether it accepts the credentials, its stores, import methods and
    quotas. Exit status 4 when something that imgtool needs is missing, 6 when a cloud cannot be used.
    """
    here = (_configuration(), *doctor.examine(Path.cwd()))
    there = [item for name in clouds for item in _cloud(name)]
    items = (*here, *there)
    if output == "json":
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, "items": list(map(_entry, items))}))
    else:
        console.tell("\n".join(_lines(here, there)))
    if any(item.state == "missing" for item in here):
        return ToolMissingError.exit_status
    return CloudError.exit_status if any(item.state == "missing" for item in there) else EXIT_OK


def _configuration() -> doctor.Item:
    """Tell which file gives options their values here."""
    found, usual = defaults.file(), defaults.usual_file()
    detail = f"no file at {usual}" if found is None else str(found)
    return doctor.Item("configuration", "ok", detail, needed_by=doctor.ALL)


def _cloud(name: CloudName) -> Iterator[doctor.Item]:
    from imgtool import glance  # noqa: PLC0415 - only for those who ask for a cloud

    shown = name.label or "cloud"
    try:
        known = state_folder.uploads_folder()
        for trait in glance.describe(glance.connect(name.name, name.region), known):
            yield doctor.Item(f"{shown}: {trait.name}", trait.state, trait.detail, trait.remedy)
    except CloudError as error:
        yield doctor.Item(shown, "missing", error.message, error.hint)


def _lines(here: Sequence[doctor.Item], there: Sequence[doctor.Item]) -> Iterator[str]:
    """What is here by the commands that need it; then the clouds."""
    for needed_by, items in groupby(here, key=lambda item: item.needed_by):
        yield console.paint(f"for {needed_by}", "title")
        yield from map(_line, items)
    if there:
        yield console.paint("in the cloud", "title")
    yield from map(_line, there)


def _entry(item: doctor.Item) -> "others.Item":
    return {
        "name": item.name,
        "state": item.state,
        "detail": item.detail,
        "remedy": item.remedy,
        "needed_by": item.needed_by,
    }


def _line(item: doctor.Item) -> str:
    state = console.paint(item.state.ljust(7), _ROLES[item.state])
    remedy = f"  ({printable(item.remedy)})" if item.remedy else ""
    return f"  {state} {printable(item.name).ljust(24)} {printable(item.detail)}{remedy}"
