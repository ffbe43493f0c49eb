"""`imgtool copy IMAGE --cloud CLOUD --store NAME`: an image into further stores of its cloud."""

from collections.abc import Sequence

import click

from imgtool import glance
from imgtool.cli import console, delivery, options
from imgtool.cli.bars import When, watch
from imgtool.errors import EXIT_OK, ImgtoolError, UsageError
from imgtool.model.copying import Copy, CopyFailure, CopyRequest
from imgtool.model.delivery import CloudName
from imgtool.report import as_json
from imgtool.report.as_text import copying as as_text
from imgtool.util.progress import Progress


@click.command("copy", cls=options.OptionalValueCommand)
@click.argument("image", metavar="IMAGE")
@delivery.clouds_to_copy_in
@click.option(
    "--store",
    "stores",
    multiple=True,
    metavar="NAME",
    callback=delivery.texts,
    help="Glance store that the image is to be in as well. Repeatable.",
)
@click.option("--all-stores", is_flag=True, help="Copy the image into every store.")
@delivery.timeout
@options.output
@options.progress
@options.logging
def command(
    image: str,
    clouds: tuple[CloudName, ...],
    stores: tuple[str, ...],
    all_stores: bool,
    timeout: float,
    output: str,
    progress: When,
) -> int:
    """Let Glance copy IMAGE, a name or an id, into further stores, and verify it there.

    The image stays as it is, and keeps its id. What fails in one store stops no other one.
    """
    if bool(stores) == all_stores:
        raise UsageError("--store NAME or --all-stores is required", hint="give one of them")
    request, told = CopyRequest(image, stores, all_stores), watch(progress)
    done = [_in_cloud(name, request, timeout, told) for name in clouds]
    error = _error(done)
    if error is not None and len(done) == 1:
        raise error
    if output == "json":
        document = as_json.copied(done)
        console.show(as_json.to_text({**document, **(as_json.error(error) if error else {})}))
    else:
        console.tell(as_text.copied(done, console.paint))
    return console.show_error(error, json_output=False) if error else EXIT_OK


def _in_cloud(
    name: CloudName, request: CopyRequest, timeout_seconds: float, progress: Progress
) -> Copy | CopyFailure:
    """What fails in one cloud does not stop the others."""
    try:
        cloud = glance.connect(name.name, name.region, timeout_seconds)
        done = glance.copy(request, cloud, progress)
    except ImgtoolError as error:
        return CopyFailure(name.label, request.image, error)
    progress.stage("done", f"{done.image_id} is in {', '.join(done.stores)} of {cloud.name}")
    return done


def _error(done: Sequence[Copy | CopyFailure]) -> ImgtoolError | None:
    """The first failure, which says of how many clouds."""
    errors = [one.error for one in done if isinstance(one, CopyFailure)]
    if not errors or len(done) == 1:
        return errors[0] if errors else None
    message = f"{len(errors)} of {len(done)} clouds do not have the image where it was wanted"
    return type(errors[0])(f"{message}: {errors[0].message}", hint=errors[0].hint)
