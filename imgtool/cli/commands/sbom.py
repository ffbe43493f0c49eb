"""`imgtool sbom IMAGE`: a bill of materials of what is inside."""

from pathlib import Path

import click

from imgtool.cli import console, options, reports, sources
from imgtool.cli.bars import When, watch
from imgtool.disk.open_source import incoming
from imgtool.errors import ImageUnreadableError
from imgtool.model.facts import GuestQuery, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.pipeline.inspect import inspect_image
from imgtool.report.registry import BILLS, module_of
from imgtool.util import ahead
from imgtool.util.text import printable


@click.command("sbom", cls=options.OptionalValueCommand)
@click.argument("image", type=options.source)
@click.option(
    "--format",
    "bill_format",
    type=click.Choice(sorted(BILLS)),
    default="cyclonedx",
    show_default=True,
    help="Form of the bill, as JSON. cyclonedx: CycloneDX 1.6; spdx: SPDX 2.3.",
)
@click.option(
    "-o",
    "--write",
    "target",
    type=options.file_or_stdout,
    metavar="PATH",
    default="-",
    help="Write it to this file. Default: stdout.",
)
@click.option(
    "--languages",
    is_flag=True,
    help="Also list what pip, npm and RubyGems installed, anywhere in a Linux guest, by its metadata.",
)
@options.source_format
@options.disk
@options.progress
@options.logging
def command(
    image: options.Source,
    bill_format: str,
    target: Path,
    languages: bool,
    source_format: str | None,
    disk: str | None,
    progress: When,
) -> None:
    """List what IMAGE, a file or a URL, consists of: its packages, kernels and system, and the file's hash.

    Reads the databases of dpkg, RPM, apk and pacman, and the programs of Windows; starts nothing.
    With SOURCE_DATE_EPOCH set, the same image gives the same document. Exit status 3 where packages cannot
    be read.
    """
    wanted = [(bill_format, target)]
    reports.check_paths(wanted)
    watched = watch(progress, stages=False)
    query = GuestQuery(judged=False, packages=True, languages=languages)
    with (
        sources.found(image, None, watched, source_format=source_format) as found,
        incoming(found.path, source_format, watched, may_stream=False, disk=disk) as admitted,
    ):
        ahead.load([module_of(bill_format)])
        facts = inspect_image(admitted, watched, query, with_hash=True)
    _require_packages(facts)
    reports.write(wanted, [ImageResult(inspection=facts)])


def _require_packages(facts: Inspection) -> None:
    """Raise ImageUnreadableError where they are unknown: an empty list would say that there are none."""
    packages = facts.guest.inventory.packages
    if isinstance(packages, Unknown):
        system = facts.guest.linux or facts.guest.windows
        reason = packages.reason if system is not None else facts.guest.reason
        path = printable(console.renamed(str(facts.image.origin.path)))
        raise ImageUnreadableError(
            f"{path}: its packages cannot be listed: {reason}",
            hint="see `imgtool inspect` for what could be read of it",
        )
