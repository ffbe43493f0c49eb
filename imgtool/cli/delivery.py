"""The options that say what an image is to be in Glance, gathered into one DeliveryOptions.

Their values are parsed, and free of contradictions, before a command sees them.
"""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click

from imgtool.cli import completions, options
from imgtool.disk.open_source import STREAM
from imgtool.errors import UsageError
from imgtool.fetch.urls import Url
from imgtool.formats.claims import without_endings
from imgtool.model.batch import Task
from imgtool.model.delivery import (
    METHODS,
    VISIBILITIES,
    CloudName,
    GlanceTarget,
    OnConflict,
    StoreType,
    default_visibility,
)
from imgtool.model.source import SourceHash
from imgtool.model.validation import require_valid
from imgtool.util.name_templates import STEM, filled
from imgtool.util.output import check_target
from imgtool.util.text import printable

Clouds = tuple[CloudName, ...]

TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """All that `imgtool upload` and `imgtool prepare` are told about Glance."""

    clouds: Clouds
    wanted: GlanceTarget
    properties: Mapping[str, str]
    derive: bool
    source_hash: SourceHash
    timeout_seconds: float

    def task(self, **rest: Any) -> Task:
        """Return the task of each of several images, but for its source, and what is named by that."""
        return Task(
            key="",
            source="",
            settings_hash="",
            name=self.wanted.name,
            wanted=self.wanted,
            clouds=self.clouds,
            properties=self.properties,
            derive=self.derive,
            source_hash=self.source_hash,
            **rest,
        )


def clouds(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Clouds:
    """Without the option what OS_CLOUD says, which is a name as it stands: regions have OS_REGION_NAME."""
    if not values:
        return (CloudName(os.environ.get("OS_CLOUD") or None),)
    return named_clouds(_context, _option, values)


def named_clouds(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Clouds:
    """Only those that are named."""
    named = tuple(map(cloud_name, values))
    if len(set(named)) < len(named):
        raise click.BadParameter("the same cloud is named twice")
    return named


def cloud_name(value: str) -> CloudName:
    """Return the cloud that is meant. Raises click.BadParameter."""
    try:
        return CloudName.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _clouds_option(purpose: str) -> Callable[[Any], Any]:
    """Return --cloud, which names clouds or leaves it to the OS_* variables."""
    return click.option(
        "--cloud",
        "clouds",
        multiple=True,
        metavar="NAME[/REGION]",
        shell_complete=completions.clouds,
        callback=clouds,
        help=f"{purpose} of clouds.yaml. Repeatable. Default: the OS_* variables.",
    )


def texts(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    for value in values:
        if not value or printable(value) != value:
            raise click.BadParameter(f"{printable(value)!r} is empty, or not printable")
    return tuple(dict.fromkeys(values))


def properties(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE, each as an entry."""
    pairs = [value.partition("=") for value in values]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.BadParameter(f"{key!r} is not KEY=VALUE")
    return {key: value for key, _, value in pairs}


def new_file(path: Path) -> Path:
    """A path at which a file can be made, and none is; absolute. Raises UsageError."""
    if os.path.lexists(path):
        raise UsageError(f"{printable(str(path))}: already exists", hint="keep it under another name")
    check_target(path, overwrite=False)
    return path.absolute()


def from_options(values: dict[str, Any]) -> DeliveryOptions:
    """Takes the options' values out of `values`, where `sources` are the images. Raises UsageError."""
    return DeliveryOptions(
        clouds=values.pop("clouds"),
        properties=values.pop("properties"),
        derive=not values.pop("no_derive"),
        source_hash=values.pop("source_hash") or "sha256",
        timeout_seconds=values.pop("timeout"),
        wanted=_wanted(values),
    )


def _wanted(values: dict[str, Any]) -> GlanceTarget:
    image_id = values.pop("image_id")
    members = values.pop("members")
    target = GlanceTarget(
        name=_name(values.pop("name"), values["sources"], image_id),
        visibility=values.pop("visibility") or default_visibility(members),
        protected=values.pop("protected"),
        hidden=values.pop("hidden"),
        tags=values.pop("tags"),
        members=members,
        min_disk_gib=values.pop("min_disk"),
        min_ram_mib=values.pop("min_ram"),
        image_id=str(image_id) if image_id else None,
        owner=values.pop("owner_project"),
        method=values.pop("method"),
        stores=values.pop("stores"),
        all_stores=values.pop("all_stores"),
        on_conflict=_on_conflict(values.pop("on_conflict"), replace=values.pop("replace")),
        keep_last=values.pop("keep_last"),
        metadata=values.pop("metadata"),
    )
    require_valid(target, _NAMES)
    return target


_NAMES = {
    "visibility": "--visibility", "members": "--member", "method": "--method", "stores": "--store",
    "all_stores": "--all-stores", "image_id": "--id", "tags": "--tag", "min_disk_gib": "--min-disk",
    "min_ram_mib": "--min-ram", "keep_last": "--keep-last",
}  # fmt: skip


def _name(given: str | None, sources: Sequence[options.Source], image_id: object) -> str:
    """Return the name, of several images a template. Raises UsageError."""
    if len(sources) == 1:
        return filled(given or STEM, lambda: _name_of(sources[0]))
    if STREAM in sources:
        raise UsageError("stdin cannot be one of several images", hint="name files or URLs")
    if image_id is not None:
        raise UsageError(f"--id is for one image, and {len(sources)} are named", hint="leave --id out")
    if given is not None and STEM not in filled(given, lambda: STEM):
        raise UsageError(
            f"--name {printable(given)} names one image, and {len(sources)} are to have it",
            hint=f"{STEM} in it is each file's name without endings such as .qcow2: --name 'golden-{STEM}'",
        )
    return given or STEM


def _name_of(source: options.Source) -> str:
    if source == STREAM:
        raise UsageError("what comes from stdin has no name", hint="give --name")
    name = source.file_name if isinstance(source, Url) else source.name
    if not name:
        raise UsageError(f"{source}: there is no file's name in it", hint="give --name")
    return printable(without_endings(name))


def _on_conflict(given: OnConflict | None, *, replace: bool) -> OnConflict:
    if replace and given not in {None, "replace"}:
        raise UsageError(f"--replace and --on-conflict {given} exclude each other", hint="give one of them")
    return "replace" if replace else given or "fail"


Decorated = TypeVar("Decorated", bound=Callable[..., Any])

timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    default=TIMEOUT_SECONDS,
    show_default=True,
    help="Abort if Glance accepts no data or does not respond for this long.",
)

source_hash = click.option(
    "--source-hash",
    type=click.Choice(get_args(SourceHash)),
    help="Hash of the source to note: sha256 of the whole file; sha256-chunks, which does not read holes and"
    " uses all cores (see `imgtool help upload`); or none. Default: sha256.",
)

_OPTIONS = (
    _clouds_option("Upload to this cloud"),
    click.option(
        "--name",
        help="Name in Glance. Default: the file name without suffixes such as .qcow2 and .gz; {stem} in the"
        " name of several images stands for that.",
    ),
    click.option(
        "--visibility",
        type=click.Choice(VISIBILITIES),
        help="Who may use the image. Default: private, or shared with --member.",
    ),
    click.option("--protected", is_flag=True, help="Protect the image from deletion."),
    click.option("--hidden", is_flag=True, help="Hide the image from default image lists."),
    click.option("--tag", "tags", multiple=True, callback=texts, help="Add this tag. Repeatable."),
    click.option(
        "--member",
        "members",
        multiple=True,
        metavar="PROJECT_ID",
        callback=texts,
        help="Share the image with this project, which has to accept it. Repeatable.",
    ),
    click.option(
        "--min-disk",
        type=click.IntRange(min=0),
        metavar="GIB",
        help="Smallest flavor disk. Default: the virtual size.",
    ),
    click.option(
        "--min-ram",
        type=click.IntRange(min=0),
        metavar="MIB",
        default=0,
        show_default=True,
        help="Smallest flavor memory.",
    ),
    click.option("--id", "image_id", type=click.UUID, metavar="UUID", help="Image id. Default: a new one."),
    click.option(
        "--owner-project",
        metavar="PROJECT_ID",
        help="Project that owns the image; needs an administrator. Default: your project.",
    ),
    click.option(
        "--method",
        type=click.Choice(list(METHODS)),
        help="Upload method. direct: send the data into the image; import: stage it and let Glance import it;"
        " web-download (`imgtool upload` of a URL): let Glance fetch it."
        " Default: direct; import into more than one store.",
    ),
    click.option(
        "--store",
        "stores",
        multiple=True,
        metavar="NAME",
        callback=texts,
        help="Glance store to keep the image in. Repeatable. Default: the cloud's default store.",
    ),
    click.option("--all-stores", is_flag=True, help="Keep the image in every store."),
    click.option(
        "--on-conflict",
        type=click.Choice(["fail", "skip", "replace", "new"]),
        help="If the project already has a different image with this name: fail, skip the upload, replace"
        " (rename and hide the old image), or new (upload a second image with the same name). Default: fail.",
    ),
    click.option("--replace", is_flag=True, help="Same as --on-conflict replace."),
    click.option(
        "--keep-last",
        type=click.IntRange(min=1),
        metavar="N",
        help="After the upload keep the newest N versions of this name: older ones that imgtool made are"
        " hidden, and deleted where nothing uses them.",
    ),
    click.option(
        "--property",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        callback=properties,
        help="Set this image property; overrides what the inspection derives. Repeatable.",
    ),
    click.option(
        "--metadata",
        type=click.Choice(["scs"]),
        help="Also describe the image by this standard. scs: SCS Image Metadata (scs-0102); what it requires"
        " and the image does not tell has to be given with --property.",
    ),
    click.option("--no-derive", is_flag=True, help="Set only the properties given with --property."),
    source_hash,
    timeout,
)


clouds_to_copy_in = _clouds_option("Copy the image within this cloud")
clouds_to_clear = _clouds_option("Retire versions in this cloud")


keep = click.option(
    "--keep",
    metavar="PATH",
    type=options.file,
    help="Also keep the uploaded image as this file; several images in this folder.",
)


store_type = click.option(
    "--store-type",
    type=click.Choice(get_args(StoreType)),
    help="Type of the Glance store, for -O auto. Default: what the cloud tells an administrator, or told"
    " in an earlier run.",
)


insist = click.option(
    "--insist",
    is_flag=True,
    help="Deliver the image even if Nova refuses it in that format (a raw disk with an unusual MBR, a VHD, an"
    " ISO as a disk), and set properties that Nova does not know or take.",
)


clouds_to_examine = click.option(
    "--cloud",
    "clouds",
    multiple=True,
    metavar="NAME[/REGION]",
    shell_complete=completions.clouds,
    callback=named_clouds,
    help="Also examine this cloud of clouds.yaml. Repeatable.",
)


def delivery(function: Decorated) -> Decorated:
    """What is wanted in Glance. The command's images are its argument `sources`."""

    @functools.wraps(function)
    def gathered(*args: Any, **values: Any) -> Any:
        values["delivery"] = from_options(values)
        return function(*args, **values)

    return options.with_options(cast("Decorated", gathered), _OPTIONS)
