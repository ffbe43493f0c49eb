"""The format that suits where an image goes (-O auto), and why.

Ceph's RBD clones a raw image for each server and each volume, and has to copy and convert a qcow2 each time:
https://docs.ceph.com/en/latest/rbd/rbd-openstack/ . A Glance that converts imports makes the raw image
itself, and what travels is small. Everywhere else a qcow2 takes the least room.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imgtool.errors import CloudError
from imgtool.glance import imports, remembered, stores
from imgtool.glance.remembered import DEFAULT_STORE
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.util import log

if TYPE_CHECKING:
    from imgtool.glance.cloud import Cloud
    from imgtool.glance.multi_cloud import Destination

RBD = "rbd"


@dataclass(frozen=True, slots=True)
class Storage:
    """What is known of where the image goes."""

    cloud: str
    """How messages call it."""
    types: tuple[tuple[str, str], ...] = ()
    """Each chosen store whose type is known, and the type."""
    told_by: str = ""
    """Who said so, as part of a sentence."""
    converts: bool = False
    """Imports of a qcow2 became raw images, and this one may be an import."""
    unknown: str = ""
    """Why nothing was asked; empty where the cloud answered."""


@dataclass(frozen=True, slots=True)
class Suitable:
    """The choice, and why it is this one."""

    target_format: Literal["raw", "qcow2"]
    reason: str
    by_import: bool = False
    """A small qcow2 is imported, and Glance makes the raw image."""


def suitable(storage: Storage) -> Suitable:
    """Return the format for one cloud."""
    rbd = [store for store, kind in storage.types if kind == RBD]
    if storage.converts:
        return Suitable(
            "qcow2",
            f"{storage.cloud} made raw images of earlier imports: a small file is sent, Glance converts",
            by_import=True,
        )
    if rbd:
        return Suitable(
            "raw", f"{_store(rbd[0])} is Ceph RBD {storage.told_by}, which clones nothing but raw images"
        )
    if storage.types:
        store, kind = storage.types[0]
        return Suitable("qcow2", f"{_store(store)} is of type {kind} {storage.told_by}, not Ceph RBD")
    why = storage.unknown or f"{storage.cloud} tells the type of its stores to administrators only"
    return Suitable("qcow2", f"{why}; where it is Ceph RBD, --store-type rbd makes it raw")


def suitable_for_all(found: Sequence[Storage]) -> tuple[Suitable, ...]:
    """Return the choice for each cloud."""
    choices = tuple(map(suitable, found))
    for storage, choice in zip(found, choices, strict=True):
        log.info(__name__, f"format {choice.target_format} for {storage.cloud}: {choice.reason}")
    return choices


def storages(
    names: Sequence[CloudName],
    destinations: Sequence["Destination"],
    wanted: GlanceTarget,
    folder: Path,
    store_type: str | None,
) -> tuple[Storage, ...]:
    """Ask each cloud, where there is one to be asked; `folder` has what was learned before."""
    pairs = zip(names, destinations, strict=True)
    return tuple(
        _storage(there.cloud, wanted, folder, store_type)
        if there.cloud is not None
        else _not_asked(name, there, wanted, store_type)
        for name, there in pairs
    )


def _not_asked(
    name: CloudName, there: "Destination", wanted: GlanceTarget, store_type: str | None
) -> Storage:
    label = name.label or "the cloud"
    why = f"{label} could not be asked ({there.failure.message if there.failure else 'no answer'})"
    return Storage(label, _said(wanted, store_type), "by --store-type", unknown=why)


def _said(wanted: GlanceTarget, store_type: str | None) -> tuple[tuple[str, str], ...]:
    return () if store_type is None else ((wanted.stores[0] if wanted.stores else DEFAULT_STORE, store_type),)


def _storage(cloud: "Cloud", wanted: GlanceTarget, folder: Path, store_type: str | None) -> Storage:
    known = remembered.recall(folder, cloud.endpoint)
    converts = bool(known.converts) and _may_import(cloud, wanted)
    if store_type is not None:
        said = dict.fromkeys(_chosen(cloud, wanted), store_type)
        remembered.note_types(folder, cloud.endpoint, said)
        return Storage(cloud.name, tuple(said.items()), "by --store-type", converts)
    told = stores.types(cloud)
    if told is not None:
        known = remembered.note_types(folder, cloud.endpoint, told)
    types = tuple((one, known.store_types[one]) for one in _chosen(cloud, wanted) if one in known.store_types)
    by = "as the cloud says" if told is not None else "as an earlier run was told"
    return Storage(cloud.name, types, by, converts)


def _may_import(cloud: "Cloud", wanted: GlanceTarget) -> bool:
    """Whether this image may go there by an import: the operator did not say how, or said so."""
    return wanted.method != "direct" and imports.METHODS["import"] in stores.import_methods(cloud)


def _chosen(cloud: "Cloud", wanted: GlanceTarget) -> Iterator[str]:
    """Ids of the stores that the image goes to."""
    there = stores.stores(cloud)
    if there is None:
        yield DEFAULT_STORE
    elif wanted.all_stores:
        yield from there.ids
    else:
        yield from wanted.stores or (there.default or DEFAULT_STORE,)


def _store(name: str) -> str:
    return f"store {name}" if name else "the store"


def common(choices: Sequence[Suitable], names: Sequence[CloudName]) -> Suitable:
    """Return the one choice that all clouds share: one image is made for all. Raises CloudError."""
    first = choices[0]
    for choice, name in zip(choices, names, strict=True):
        if (choice.target_format, choice.by_import) != (first.target_format, first.by_import):
            raise CloudError(
                f"{names[0].label} and {name.label} need different formats: {first.reason}; {choice.reason}",
                hint="prepare the image once for each of them, or choose one format for all with -O",
            )
    return first
