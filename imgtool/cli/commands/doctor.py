"""`imgtool doctor`: what this machine has."""

from pathlib import Path

import click

from imgtool import machine
from imgtool.cli import console, options
from imgtool.errors import EXIT_OK, ToolMissingError
from imgtool.model.story import SCHEMA_VERSION
from imgtool.report import as_json
from imgtool.text import printable

_ROLES = {"ok": "good", "note": "doubt", "missing": "bad"}


@click.command("doctor")
@options.output
def command(output: str) -> int:
    """Show what this machine has: qemu-img, libmagic, libraries, cores, reflink, room.

    Exit status 4 when something that imgtool needs is missing.
    """
    items = machine.examine(Path.cwd())
    if output == "json":
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, "items": list(map(_entry, items))}))
    else:
        console.show("\n".join(map(_line, items)))
    return ToolMissingError.exit_status if any(item.state == "missing" for item in items) else EXIT_OK


def _entry(item: machine.Item) -> as_json.Object:
    return {"name": item.name, "state": item.state, "detail": item.detail, "remedy": item.remedy}


def _line(item: machine.Item) -> str:
    state = console.paint(item.state.ljust(7), _ROLES[item.state])
    remedy = f"  ({printable(item.remedy)})" if item.remedy else ""
    return f"{state} {item.name.ljust(24)} {printable(item.detail)}{remedy}"
