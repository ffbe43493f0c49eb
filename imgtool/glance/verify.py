"""What Glance has against what was sent."""

from imgtool.errors import VerificationError
from imgtool.glance.body import Body
from imgtool.glance.record import Record
from imgtool.model.delivery import UploadPlan

LEGACY_ALGORITHM = "md5"
"""Of `checksum`: all that clouds before the release Rocky have."""


def hash_in(record: Record) -> tuple[str, str | None]:
    """The algorithm that Glance chose, and its value."""
    if record.hash_algorithm:
        return record.hash_algorithm, record.hash_value
    return LEGACY_ALGORITHM, record.md5


def verify_arrival(plan: UploadPlan, record: Record, body: Body) -> tuple[str, str]:
    """The hash's algorithm and value, equal on both sides. Raises VerificationError.

    A record without any hash is no match: there has to be something to compare with.
    """
    _require_equal("size in bytes", len(body), record.size_bytes)
    _require_equal("disk format", plan.disk_format, record.disk_format)
    algorithm, value = hash_in(record)
    sent = body.hash_by(algorithm)
    if sent is None:
        raise VerificationError(
            f"Glance's hash algorithm {algorithm} is not known here, so the image cannot be verified",
            hint="the cloud's hashing_algorithm has to be one of Python's hashlib: ask its administrator",
        )
    _require_equal(algorithm, sent, value)
    return algorithm, sent


def _require_equal(what: str, sent: object, arrived: object) -> None:
    if sent != arrived:
        raise VerificationError(
            f"what Glance has is not what was sent: {what} is {arrived}, was {sent}",
            hint="upload the image again; if it happens again, ask the cloud's administrator",
        )
