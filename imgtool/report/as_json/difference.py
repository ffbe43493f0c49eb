"""A comparison as JSON."""

from typing import TYPE_CHECKING

from imgtool.model.difference import Change, Difference, KindDifference
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report.as_json.values import clean, to_text

if TYPE_CHECKING:
    from imgtool.report.documents import difference as documents


def document(found: Difference) -> "documents.Difference":
    """`imgtool diff`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "old": clean(found.old),
        "new": clean(found.new),
        "same": found.is_same,
        "kinds": [_kind(one) for one in found.kinds],
    }


def difference(found: Difference) -> str:
    """`--report json=PATH`."""
    return to_text(document(found)) + "\n"


def _kind(one: KindDifference) -> "documents.KindDifference":
    return {
        "kind": one.kind,
        "changes": [_change(change) for change in one.changes],
        "unknown": clean(one.unknown) or None,
        "not_compared": clean(one.absent) or None,
    }


def _change(one: Change) -> "documents.Change":
    return {
        "name": clean(one.name),
        "how": one.how,
        "old": None if one.old is None else clean(one.old),
        "new": None if one.new is None else clean(one.new),
    }
