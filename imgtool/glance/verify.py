"""Compares Glance's record with what was sent and asked for: policies, hooks or people may change it."""

from typing import NamedTuple, Protocol

from imgtool.errors import VerificationError
from imgtool.glance.plan import PREFIX
from imgtool.glance.record import Record
from imgtool.model.delivery import VISIBILITIES, UploadPlan

LEGACY_ALGORITHM = "md5"
"""Of `checksum`: all that clouds before the release Rocky have."""


def hash_in(record: Record) -> tuple[str, str | None]:
    """The algorithm that Glance chose, and its value."""
    if record.hash_algorithm:
        return record.hash_algorithm, record.hash_value
    return LEGACY_ALGORITHM, record.md5


class Hashed(Protocol):
    """Bytes that Glance should have: what was sent, or the disk in it."""

    def __len__(self) -> int: ...

    def hash_by(self, algorithm: str) -> str | None:
        """Return the hash in hexadecimal; None for an `algorithm` that Python does not have."""


class Proof(NamedTuple):
    """What the image in Glance was found to be, by a hash that is equal on both sides."""

    disk_format: str
    algorithm: str
    value: str


def verify_arrival(record: Record, content: Hashed, disk_format: str) -> Proof:
    """Compare what Glance has with `content`. Raises VerificationError.

    A record without any hash is no match: there has to be something to compare with.
    """
    require_equal("disk format", disk_format, record.disk_format)
    require_equal("size in bytes", len(content), record.size_bytes)
    algorithm, value = hash_in(record)
    sent = content.hash_by(algorithm)
    if sent is None:
        raise unknown_algorithm(algorithm)
    require_equal(algorithm, sent, value)
    return Proof(disk_format, algorithm, sent)


def unknown_algorithm(algorithm: str) -> VerificationError:
    """Return the error for an image that nobody here can verify."""
    return VerificationError(
        f"Glance's hash algorithm {algorithm} is not known here, so the image cannot be verified",
        hint="the cloud's hashing_algorithm has to be one of Python's hashlib: ask its administrator",
    )


def require_equal(what: str, sent: object, arrived: object) -> None:
    """Raise VerificationError where what is there is not what was sent."""
    if sent != arrived:
        raise VerificationError(
            f"what Glance has is not what was sent: {what} is {arrived}, was {sent}",
            hint="upload the image again; if it happens again, ask the cloud's administrator",
        )


def require(plan: UploadPlan, record: Record, *, project_id: str, name: str, hidden: bool) -> None:
    """Raise VerificationError where it is not ours, called otherwise, of another format, or seen by more.

    `name` and `hidden` are what it is to have at this moment; `project_id` is whose it is unless the plan
    says otherwise. What else differs is harmless: see `differences`.
    """
    asked = {
        "name": (name, record.name),
        "owner": (plan.wanted.owner or project_id, record.owner),
        "disk_format": (plan.disk_format, record.disk_format),
        "container_format": (plan.container_format, record.container_format),
    }
    if _is_wider(record.visibility, plan.wanted.visibility):
        asked["visibility"] = (plan.wanted.visibility, record.visibility)
    if hidden and not record.hidden:
        asked["os_hidden"] = ("true", "false")
    for what, (wanted, there) in asked.items():
        if wanted != there:
            raise VerificationError(
                f"image {record.id} is not what was asked for: its {what} is {there!r}, asked was {wanted!r}",
                hint="ask the cloud's administrator what changes images there: a policy, a hook, or a person",
            )


def _is_wider(there: str | None, asked: str) -> bool:
    """What is not known may be anything."""
    return there not in VISIBILITIES or VISIBILITIES.index(there) > VISIBILITIES.index(asked)


def differences(plan: UploadPlan, record: Record) -> tuple[str, ...]:
    """What an image has otherwise than it was wanted, as sentences. What it has besides is no difference."""
    wanted = plan.wanted
    pairs: list[tuple[str, object, object]] = [
        ("visibility", wanted.visibility, record.visibility),
        ("protected", wanted.protected, record.protected),
        ("hidden", wanted.hidden, record.hidden),
        ("min_disk", plan.min_disk_gib, record.min_disk_gib),
        ("min_ram", wanted.min_ram_mib, record.min_ram_mib),
        *((f"tag {one}", "set", "set" if one in record.tags else None) for one in wanted.tags),
        *((one.name, one.value, record.properties.get(one.name)) for one in plan.properties),
    ]
    return tuple(
        f"{name} is {there if there is not None else 'not set'} there, wanted was {here}"
        for name, here, there in pairs
        if here != there and not name.startswith(PREFIX)
    )
