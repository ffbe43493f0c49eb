"""`imgtool retire NAME --cloud CLOUD --keep N`: old versions of an image go."""

from collections.abc import Iterator, Sequence

import click

from imgtool import glance
from imgtool.cli import console, delivery, options
from imgtool.cli.bars import When, watch
from imgtool.errors import EXIT_OK, CloudError
from imgtool.glance import Cloud, Journal
from imgtool.model.delivery import CloudName
from imgtool.model.retirement import (
    STAYS_UNASKED,
    Retirement,
    RetirementFailure,
    RetirementRequest,
)
from imgtool.report import as_json
from imgtool.report.as_text import retirement as as_text
from imgtool.util import state_folder
from imgtool.util.progress import Progress

Done = Retirement | RetirementFailure


@click.command("retire", cls=options.OptionalValueCommand)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", callback=delivery.texts)
@delivery.clouds_to_clear
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    required=True,
    help="Versions that stay: the newest N, the current one included.",
)
@options.dry_run
@options.output
@options.progress
@options.logging
def command(
    names: Sequence[str],
    clouds: tuple[CloudName, ...],
    keep: int,
    dry_run: bool,
    output: str,
    progress: When,
) -> int:
    """Hide old versions of the image NAME, and delete those beyond the newest N that nothing uses.

    Only images of the project that imgtool made are touched, and a protected one is never deleted. NAME may
    be an image's id: then the versions of that image's name are meant, and it may go whoever made it.
    """
    told, journal = watch(progress), Journal(state_folder.uploads_folder(dry_run=dry_run))
    requests = [RetirementRequest(name, keep) for name in names]
    done = [one for cloud in clouds for one in _in_cloud(cloud, requests, journal, told, dry_run=dry_run)]
    error = _error(done)
    if error is not None and len(done) == 1 and isinstance(done[0], RetirementFailure):
        raise error
    if output == "json":
        document = as_json.retired(done, dry_run=dry_run)
        console.show(as_json.to_text({**document, **(as_json.error(error) if error else {})}))
    else:
        console.tell(as_text.retired(done, console.paint))
    return console.show_error(error, json_output=False) if error else EXIT_OK


def _in_cloud(
    name: CloudName,
    requests: Sequence[RetirementRequest],
    journal: Journal,
    progress: Progress,
    *,
    dry_run: bool,
) -> Iterator[Done]:
    """What fails in one cloud, or for one name, does not stop the others."""
    try:
        cloud = glance.connect(name.name, name.region)
    except CloudError as error:
        yield from (_failure(name.label, request, error) for request in requests)
        return
    for request in requests:
        yield _retired(cloud, request, journal, progress, dry_run=dry_run)


def _retired(
    cloud: Cloud, request: RetirementRequest, journal: Journal, progress: Progress, *, dry_run: bool
) -> Done:
    try:
        return glance.retire(request, cloud, journal, progress, dry_run=dry_run)
    except CloudError as error:
        return _failure(cloud.name, request, error)


def _failure(cloud: str, request: RetirementRequest, error: CloudError) -> RetirementFailure:
    return RetirementFailure(cloud, request.name, error.message, error.hint, error.code)


def _error(done: Sequence[Done]) -> CloudError | None:
    """The first failure; else the first version that stays though nobody asked for it."""
    failures = [one for one in done if isinstance(one, RetirementFailure)]
    if failures:
        return CloudError(failures[0].message, hint=failures[0].hint)
    versions = [version for one in done if isinstance(one, Retirement) for version in one.versions]
    stay = [version for version in versions if version.fate in STAYS_UNASKED]
    if not stay:
        return None
    return CloudError(
        f"{len(stay)} old versions are still there; {stay[0].image_id}: {stay[0].reason}",
        hint="run the same command again once that is mended: it retires what is left",
    )
