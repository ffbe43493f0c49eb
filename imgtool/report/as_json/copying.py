"""What was copied into further stores, as JSON."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from imgtool.model.copying import Copy, CopyFailure
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report.as_json.values import clean
from imgtool.report.as_json.verdict import error

if TYPE_CHECKING:
    from imgtool.report.documents import delivery, others


def copied(found: Iterable[Copy | CopyFailure]) -> "delivery.Copies":
    """`imgtool copy`: an entry for each cloud."""
    entries = [_failure(one) if isinstance(one, CopyFailure) else _copy(one) for one in found]
    return {"schema_version": SCHEMA_VERSION, "copies": entries}


def _copy(done: Copy) -> "delivery.Copy":
    return {
        "cloud": clean(done.cloud),
        "image_id": done.image_id,
        "name": clean(done.name),
        "copied": [clean(one) for one in done.copied],
        "stores": [clean(one) for one in done.stores],
        "size_bytes": done.size_bytes,
        "os_hash_algo": done.hash_algorithm,
        "os_hash_value": done.hash_value,
        "seconds": round(done.seconds, 3),
    }


def _failure(failed: CopyFailure) -> "others.ProblemOf":
    return {"cloud": clean(failed.cloud), "name": clean(failed.image), **error(failed.error)}
