"""Two snapshots -> what differs."""

from collections.abc import Iterator

from imgtool.diff.order import ORDERS, compare
from imgtool.diff.snapshot import Missing, Snapshot
from imgtool.model.difference import KINDS, Change, Difference, How, Kind, KindDifference
from imgtool.model.inventory import Items
from imgtool.model.packages import PackageManager


def difference(old: Snapshot, new: Snapshot, *, with_files: bool = False) -> Difference:
    """What differs, kind by kind; files only where they were asked for."""
    kinds = (kind for kind in KINDS if with_files or kind != "files")
    return Difference(old.name, new.name, tuple(_of_kind(kind, old, new) for kind in kinds))


def _of_kind(kind: Kind, old: Snapshot, new: Snapshot) -> KindDifference:
    before, after = old.of(kind), new.of(kind)
    missing = [(side.name, one) for side, one in ((old, before), (new, after)) if isinstance(one, Missing)]
    if isinstance(before, Missing) or isinstance(after, Missing):
        unknown = "; ".join(f"{name}: {one.reason}" for name, one in missing if not one.absent)
        absent = "; ".join(f"{name}: {one.reason}" for name, one in missing if one.absent)
        return KindDifference(kind, unknown=unknown, absent="" if unknown else absent)
    managers = {**old.managers, **new.managers} if kind == "packages" else {}
    return KindDifference(kind, tuple(_changes(before, after, managers)))


def _changes(before: Items, after: Items, managers: dict[str, PackageManager]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(name, _how(old, new, managers.get(name)), old, new)


def _how(old: str | None, new: str | None, manager: PackageManager | None) -> How:
    """Several versions of one name have no order, nor has what no manager of ours knows."""
    if old is None:
        return "added"
    if new is None:
        return "removed"
    if manager is None or manager not in ORDERS or ", " in f"{old}{new}":
        return "changed"
    order = compare(manager, old, new)
    return "up" if order < 0 else "down" if order > 0 else "changed"
