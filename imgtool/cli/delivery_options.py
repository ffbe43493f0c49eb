"""The options that say what the image is to be in Glance, gathered into one Delivery."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imgtool.cli import delivery as parse

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--cloud",
        "clouds",
        multiple=True,
        metavar="NAME[/REGION]",
        callback=parse.clouds,
        help="Cloud of clouds.yaml. Repeatable: into each of them. Default: the OS_* variables.",
    ),
    click.option(
        "--name", help="Name in Glance. Default: the file's, without endings such as .qcow2 and .gz."
    ),
    click.option(
        "--visibility",
        type=click.Choice(["private", "shared", "community", "public"]),
        help="Who may use the image. Default: private; shared with --member.",
    ),
    click.option("--protected", is_flag=True, help="Nobody may delete it before that is taken back."),
    click.option("--hidden", is_flag=True, help="Leave it out of default lists."),
    click.option("--tag", "tags", multiple=True, callback=parse.texts, help="Tag it. Repeatable."),
    click.option(
        "--member",
        "members",
        multiple=True,
        metavar="PROJECT_ID",
        callback=parse.texts,
        help="Share it with that project, which has to accept it. Repeatable.",
    ),
    click.option(
        "--min-disk",
        type=click.IntRange(min=0),
        metavar="GIB",
        help="Smallest disk of a flavor. Default: the virtual size.",
    ),
    click.option(
        "--min-ram",
        type=click.IntRange(min=0),
        metavar="MIB",
        default=0,
        show_default=True,
        help="Smallest memory of a flavor.",
    ),
    click.option("--id", "image_id", type=click.UUID, metavar="UUID", help="Its id. Default: a new one."),
    click.option(
        "--owner-project",
        metavar="PROJECT_ID",
        help="Make it that project's: an administrator may. Default: the project that uploads.",
    ),
    click.option(
        "--method",
        type=click.Choice(["direct", "import"]),
        help="direct: the bytes go into the image; import: they are staged, and Glance imports them."
        " Default: direct; import into more than one store.",
    ),
    click.option(
        "--store",
        "stores",
        multiple=True,
        metavar="NAME",
        callback=parse.texts,
        help="Keep it in that store of Glance's. Repeatable. Default: the cloud's.",
    ),
    click.option("--all-stores", is_flag=True, help="Keep it in every store."),
    click.option(
        "--on-conflict",
        type=click.Choice(["fail", "skip", "replace", "new"]),
        help="Where the project has an image of that name, of other bytes: fail; skip it; replace: take its"
        " name, then rename and hide it; new: a second one of that name. Default: fail.",
    ),
    click.option("--replace", is_flag=True, help="The same as --on-conflict replace."),
    click.option(
        "--property",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        callback=parse.properties,
        help="Set an image property, over what the inspection says. Repeatable.",
    ),
    click.option("--no-derive", is_flag=True, help="Only the properties that --property gives."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=1),
        metavar="SECONDS",
        default=parse.TIMEOUT_SECONDS,
        show_default=True,
        help="How long Glance may take no bytes, or give no answer.",
    ),
)


keep = click.option(
    "--keep",
    metavar="PATH",
    type=click.Path(path_type=Path),
    callback=parse.new_file,
    help="Keep the image that is uploaded, as a file there.",
)


clouds_to_examine = click.option(
    "--cloud",
    "clouds",
    multiple=True,
    metavar="NAME[/REGION]",
    callback=parse.named_clouds,
    help="Also examine that cloud of clouds.yaml. Repeatable.",
)


def delivery(function: Decorated) -> Decorated:
    """What is wanted in Glance. The command's image is its argument `source`."""

    @functools.wraps(function)
    def gathered(*args: Any, **values: Any) -> Any:
        values["delivery"] = parse.from_options(values)
        return function(*args, **values)

    command: Any = gathered
    for option in reversed(_OPTIONS):
        command = option(command)
    return cast("Decorated", command)
