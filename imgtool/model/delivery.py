"""What an upload will do, and what it did."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.image import DiskImage

Method = Literal["direct", "import"]
"""direct: the bytes go into the image. import: they are staged, and Glance imports them (glance-direct)."""
OnConflict = Literal["fail", "skip", "replace", "new"]
"""What to do where the project has an image of the same name, but of other bytes."""
Ending = Literal["uploaded", "replaced", "already-there", "skipped"]


@dataclass(frozen=True, slots=True)
class Property:
    """One image property for Glance, and why it has this value."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class CloudName:
    """How a cloud is asked for: `name` as in clouds.yaml, None for the OS_* variables."""

    name: str | None
    region: str | None = None
    """None: the one that its configuration names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator wants the image to be in Glance; the same in every cloud."""

    name: str
    visibility: str = "private"
    protected: bool = False
    hidden: bool = False
    """Left out of default lists."""
    tags: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    """Ids of the projects that it is shared with."""
    min_disk_gib: int | None = None
    """None: what the virtual size needs."""
    min_ram_mib: int = 0
    image_id: str | None = None
    """None: a new one, of our own."""
    owner: str | None = None
    """Id of the project that will own it; None: the one that uploads."""
    method: Method | None = None
    """None: direct, but import where it takes more than one store."""
    stores: tuple[str, ...] = ()
    """Ids of the stores; none is the cloud's default store."""
    all_stores: bool = False
    on_conflict: OnConflict = "fail"

    @property
    def way(self) -> Method:
        """How the bytes go there."""
        several = self.all_stores or len(self.stores) > 1
        return self.method or ("import" if several else "direct")


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload will do; a value that can be printed."""

    cloud: str
    image: DiskImage
    disk_format: str
    """Glance's name of the format that is sent."""
    min_disk_gib: int
    wanted: Wanted
    properties: tuple[Property, ...]
    streamed: bool = False
    """The disk is sent as `disk_format` while it is read from an image of another format."""
    container_format: str = "bare"


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What Glance has now: verified against what was sent, or against what would have been."""

    plan: UploadPlan
    image_id: str
    status: str
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    seconds: float
    ending: Ending = "uploaded"
    stores: tuple[str, ...] = ()
    """Where Glance says that it keeps the image; none where it does not tell."""
    replaced: tuple[str, ...] = ()
    """Ids of the images that had the name before; they are hidden now, under another one."""
    notes: tuple[str, ...] = ()
    """What the operator should know besides: attempts that were needed, attributes that differ."""


@dataclass(frozen=True, slots=True)
class UploadFailure:
    """Why one cloud of several did not get the image; nothing of it is left there."""

    plan: UploadPlan
    message: str
    hint: str
    exit_status: int
    code: str = "cloud-failed"
    """The error's stable name in JSON."""
