"""`imgtool doctor`: what this machine has, and what a cloud has for images."""

from collections.abc import Iterator
from pathlib import Path

import click

from imgtool import doctor
from imgtool.cli import console, delivery, options
from imgtool.errors import EXIT_OK, CloudError, ToolMissingError
from imgtool.model.delivery import CloudName
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report import as_json
from imgtool.util import state_folder
from imgtool.util.text import printable

_ROLES = {"ok": "good", "note": "doubt", "missing": "bad"}


@click.command("doctor", cls=options.OptionalValueCommand)
@delivery.clouds_to_examine
@options.output
@options.logging
def command(clouds: tuple[CloudName, ...], output: str) -> int:
    """Show what this machine has: qemu-img, libmagic, libraries, cores, reflink, room.

    With --cloud also what that cloud has: whether it accepts the credentials, its stores, import methods and
    quotas. Exit status 4 when something that imgtool needs is missing, 6 when a cloud cannot be used.
    """
    here = doctor.examine(Path.cwd())
    there = [item for name in clouds for item in _cloud(name)]
    items = (*here, *there)
    if output == "json":
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, "items": list(map(_entry, items))}))
    else:
        console.tell("\n".join(map(_line, items)))
    if any(item.state == "missing" for item in here):
        return ToolMissingError.exit_status
    return CloudError.exit_status if any(item.state == "missing" for item in there) else EXIT_OK


def _cloud(name: CloudName) -> Iterator[doctor.Item]:
    from imgtool import glance  # noqa: PLC0415 - only for those who ask for a cloud

    shown = name.label or "cloud"
    try:
        known = state_folder.uploads_folder()
        for trait in glance.describe(glance.connect(name.name, name.region), known):
            yield doctor.Item(f"{shown}: {trait.name}", trait.state, trait.detail, trait.remedy)
    except CloudError as error:
        yield doctor.Item(shown, "missing", error.message, error.hint)


def _entry(item: doctor.Item) -> as_json.Object:
    return {"name": item.name, "state": item.state, "detail": item.detail, "remedy": item.remedy}


def _line(item: doctor.Item) -> str:
    state = console.paint(item.state.ljust(7), _ROLES[item.state])
    remedy = f"  ({printable(item.remedy)})" if item.remedy else ""
    return f"{state} {printable(item.name).ljust(24)} {printable(item.detail)}{remedy}"
