"""What a cloud has for images, and what it tells of itself: for who asks before an upload."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.glance import imports, remembered, stores
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import MAX_TEXT
from imgtool.glance.stores import Quota
from imgtool.util.text import printable

_VERSIONS = frozenset({200, 300})
"""Glance lists them as multiple choices."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing about a cloud. `note` is worth knowing, and stands in nobody's way but those who need it."""

    name: str
    state: Literal["ok", "note"]
    detail: str
    remedy: str = ""


def describe(cloud: Cloud, folder: Path) -> tuple[Trait, ...]:
    """All that an upload's preflight asks for; what earlier runs learned is in `folder`, and what is learned
    here is noted there. Raises CloudError."""
    return tuple(_traits(cloud, folder))


def _traits(cloud: Cloud, folder: Path) -> Iterator[Trait]:
    yield Trait("authentication", "ok", f"accepted, for project {cloud.project_id}")
    yield _token(cloud.token_seconds())
    yield Trait("image endpoint", "ok", f"{printable(cloud.endpoint)}, API {_version(cloud)}")
    yield _stores(cloud, folder)
    yield _methods(cloud)
    yield _plugins(remembered.recall(folder, cloud.endpoint))
    yield from map(_quota, stores.quotas(cloud))


def _token(seconds: float | None) -> Trait:
    if seconds is None:
        return Trait("token", "note", "expiry unknown")
    return Trait("token", "ok", f"valid for {seconds / 60:.0f} minutes; renewed when less than ten are left")


def _version(cloud: Cloud) -> str:
    """The one that is current, of the list at the root."""
    answer = cloud.request("GET", "/versions")
    if answer.status not in _VERSIONS:
        return "of unknown version"
    current = (one for one in answer.rows("versions") if one.get("status") == "CURRENT")
    return next((printable(str(one.get("id"))[:MAX_TEXT]) for one in current), "of unknown version")


def _plugins(known: remembered.Remembered) -> Trait:
    """Glance tells nobody which of its image_import_plugins run, nor its gpt_safety_checks and the like."""
    seen = {
        None: "imgtool has seen no import of a qcow2 there yet",
        True: "the last import of a qcow2 became raw: -O auto sends a compressed qcow2",
        False: "the last import of a qcow2 stayed one",
    }
    return Trait(
        "import plugins", "ok", f"not told by Glance; {seen[known.converts]}; a conversion to raw is verified"
    )


def _stores(cloud: Cloud, folder: Path) -> Trait:
    there = stores.stores(cloud)
    if there is None:
        return Trait("stores", "note", "one unnamed store", "leave --store out")
    told = stores.types(cloud)
    known = remembered.note_types(folder, cloud.endpoint, told or {}).store_types
    named = (_store(one, known.get(one), default=one == there.default) for one in there.ids)
    return Trait("stores", "ok", ", ".join(named))


def _store(name: str, kind: str | None, *, default: bool) -> str:
    marks = ", ".join(filter(None, ("default" if default else "", kind)))
    return f"{name} ({marks})" if marks else name


def _methods(cloud: Cloud) -> Trait:
    there = stores.import_methods(cloud)
    detail = ", ".join(there) or "none"
    if imports.METHODS["import"] in there:
        return Trait("import methods", "ok", detail)
    return Trait("import methods", "note", detail, "--method import and more than one --store do not work")


def _quota(quota: Quota) -> Trait:
    unit = " MiB" if quota.name in {"image_size_total", "image_stage_total"} else ""
    if quota.left is None:
        return Trait(quota.name, "ok", f"{quota.usage}{unit} used, no limit")
    state: Literal["ok", "note"] = "ok" if quota.left else "note"
    return Trait(quota.name, state, f"{quota.usage} of {quota.limit}{unit} used")
