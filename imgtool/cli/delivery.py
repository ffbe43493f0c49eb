"""What the command line says about Glance, as values: parsed, and free of contradictions."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from imgtool.disk.incoming import STREAM
from imgtool.disk.output import check_target
from imgtool.errors import UsageError
from imgtool.formats.claims import without_endings
from imgtool.model.delivery import CloudName, OnConflict, Wanted
from imgtool.text import printable

Clouds = tuple[CloudName, ...]

TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that `imgtool upload` and `imgtool prepare` are told about Glance."""

    clouds: Clouds
    wanted: Wanted
    properties: Mapping[str, str]
    derive: bool
    timeout_seconds: float


def clouds(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Clouds:
    """Without the option what OS_CLOUD says, which is a name as it stands: regions have OS_REGION_NAME."""
    if not values:
        return (CloudName(os.environ.get("OS_CLOUD") or None),)
    return named_clouds(_context, _option, values)


def named_clouds(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Clouds:
    """Only those that are named."""
    named = tuple(map(_cloud, values))
    if len(set(named)) < len(named):
        raise click.BadParameter("the same cloud is named twice")
    return named


def _cloud(value: str) -> CloudName:
    name, slash, region = value.partition("/")
    if not name or (slash and not region):
        raise click.BadParameter(f"{value!r} is not NAME or NAME/REGION")
    return CloudName(name, region or None)


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


def new_file(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """A path at which a file can be made, and none is. Raises UsageError."""
    if path is None:
        return None
    if os.path.lexists(path):
        raise UsageError(f"{printable(str(path))}: already exists", hint="keep it under another name")
    check_target(path, overwrite=False)
    return path.absolute()


def from_options(values: dict[str, Any]) -> Delivery:
    """Takes the options' values out of `values`, where `source` is the image. Raises UsageError."""
    return Delivery(
        clouds=values.pop("clouds"),
        properties=values.pop("properties"),
        derive=not values.pop("no_derive"),
        timeout_seconds=values.pop("timeout"),
        wanted=_wanted(values),
    )


def _wanted(values: dict[str, Any]) -> Wanted:
    image_id = values.pop("image_id")
    members, stores, all_stores = (values.pop(key) for key in ("members", "stores", "all_stores"))
    if all_stores and stores:
        raise UsageError("--store and --all-stores exclude each other", hint="give one of them")
    return Wanted(
        name=values.pop("name") or _name_of(values["source"]),
        visibility=_visibility(values.pop("visibility"), members),
        protected=values.pop("protected"),
        hidden=values.pop("hidden"),
        tags=values.pop("tags"),
        members=members,
        min_disk_gib=values.pop("min_disk"),
        min_ram_mib=values.pop("min_ram"),
        image_id=str(image_id) if image_id else None,
        owner=values.pop("owner_project"),
        method=values.pop("method"),
        stores=stores,
        all_stores=all_stores,
        on_conflict=_on_conflict(values.pop("on_conflict"), replace=values.pop("replace")),
    )


def _name_of(source: Path) -> str:
    if source == STREAM:
        raise UsageError("what comes from stdin has no name", hint="give --name")
    return printable(without_endings(source.name))


def _visibility(given: str | None, members: Sequence[str]) -> str:
    """Glance shares an image with members only where it is `shared`."""
    if members and given not in {None, "shared"}:
        raise UsageError(
            f"an image that is {given} has no members", hint="leave out --member, or give --visibility shared"
        )
    return given or ("shared" if members else "private")


def _on_conflict(given: OnConflict | None, *, replace: bool) -> OnConflict:
    if replace and given not in {None, "replace"}:
        raise UsageError(f"--replace and --on-conflict {given} exclude each other", hint="give one of them")
    return "replace" if replace else given or "fail"
