"""What an upload will do, and what it did."""

from dataclasses import dataclass

from imgtool.model.image import DiskImage


@dataclass(frozen=True, slots=True)
class Property:
    """One image property for Glance, and why it has this value."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload will do; a value that can be printed."""

    cloud: str
    name: str
    image: DiskImage
    disk_format: str
    min_disk_gib: int
    visibility: str
    properties: tuple[Property, ...]
    container_format: str = "bare"


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What Glance has now: verified against what was sent."""

    plan: UploadPlan
    image_id: str
    status: str
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    seconds: float
