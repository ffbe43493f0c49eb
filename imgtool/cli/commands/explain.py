"""`imgtool explain [CHECK]`: what a check looks at, why it matters, how to fix it."""

import difflib

import click

from imgtool.checks import registry
from imgtool.checks.check import Check
from imgtool.cli import console, options
from imgtool.errors import UsageError
from imgtool.model import SCHEMA_VERSION
from imgtool.report import as_json


@click.command("explain")
@click.argument("check", required=False)
@options.output
def command(check: str | None, output: str) -> None:
    """Say what CHECK looks at, why it matters and how to fix it; without CHECK, list them all."""
    if output == "json":
        chosen = registry.all_checks() if check is None else (_find(check),)
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, "checks": list(map(_entry, chosen))}))
    elif check is None:
        console.show("\n".join(map(_line, registry.all_checks())))
    else:
        found = _find(check)
        title = console.paint(f"{found.name} ({found.severity.value})", "title")
        console.show(f"{title}\n\n{registry.explanation(found)}")


def _find(name: str) -> Check:
    found = registry.find_check(name)
    if found is not None:
        return found
    names = [check.name for check in registry.all_checks()]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else "`imgtool explain` lists the checks"
    raise UsageError(f"there is no check named {name!r}", hint=hint)


def _line(check: Check) -> str:
    summary = registry.explanation(check).partition("\n")[0]
    return f"{console.paint(check.name.ljust(22), 'title')} {check.severity.value.ljust(8)} {summary}"


def _entry(check: Check) -> as_json.Object:
    text = registry.explanation(check)
    return {"check": check.name, "severity": check.severity.value, "explanation": text}
