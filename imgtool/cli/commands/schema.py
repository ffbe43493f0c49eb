"""`imgtool schema NAME`: the JSON Schema of a file that imgtool reads, or of what a command prints."""

import click

from imgtool.cli import console, options
from imgtool.report import as_json, schemas


@click.command("schema", cls=options.OptionalValueCommand)
@click.argument("name", type=click.Choice(schemas.NAMES))
@options.logging
def command(name: str) -> None:
    """Print the JSON Schema of a policy or manifest, or of what a command prints with --output json.

    An editor checks a file by it while it is written; `error` is what any command prints where it fails.
    """
    console.show(as_json.to_text(schemas.schema(name)))
