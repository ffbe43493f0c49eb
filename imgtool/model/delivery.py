"""What an upload will do, and what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from imgtool.model.image import DiskImage
from imgtool.model.retirement import Retirement

Method = Literal["direct", "import", "web-download"]
METHODS: Mapping[Method, str] = MappingProxyType(
    {
        "direct": "one PUT of the bytes into the image",
        "import": "one PUT into the staging area, then glance-direct imports it",
        "web-download": "Glance fetches the URL itself; no bytes are sent from here",
    }
)
"""How the bytes reach Glance, and what each way does."""
VISIBILITIES = ("private", "shared", "community", "public")
"""Who may use an image: the owner's project, its members too, all who ask for it, all."""
StoreType = Literal["cinder", "file", "http", "rbd", "s3", "swift", "vmware"]
"""The drivers of Glance's stores, by their names in its `enabled_backends`."""
OnConflict = Literal["fail", "skip", "replace", "new"]
"""What to do where the project has an image of the same name, but of other bytes."""
Metadata = Literal["scs"]
"""scs: the SCS Image Metadata standard, scs-0102."""
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

    @property
    def label(self) -> str:
        """NAME, NAME/REGION, or empty for the OS_* variables: as it is shown, and its key in records."""
        return f"{self.name or ''}/{self.region}" if self.region else self.name or ""

    @classmethod
    def parse(cls, text: str) -> "CloudName":
        """The cloud that NAME or NAME/REGION stands for. Raises ValueError for anything else."""
        name, slash, region = text.partition("/")
        if not name or (slash and not region):
            raise ValueError(f"{text!r} is not NAME or NAME/REGION")
        return cls(name, region or None)


@dataclass(frozen=True, slots=True)
class GlanceTarget:
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
    keep_last: int | None = None
    """Versions of the name that stay, this one included; older ones that imgtool made go. None: all stay."""
    metadata: Metadata | None = None
    """The standard by whose names the image is described besides; None: by none."""

    @property
    def way(self) -> Method:
        """How the bytes go there."""
        several = self.all_stores or len(self.stores) > 1
        return self.method or ("import" if several else "direct")


def default_visibility(members: Sequence[str]) -> str:
    """Return what nobody chose: Glance shares an image with members only where it is `shared`."""
    return "shared" if members else "private"


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload will do; a value that can be printed."""

    cloud: str
    image: DiskImage
    disk_format: str
    """Glance's name of the format that is sent."""
    min_disk_gib: int
    wanted: GlanceTarget
    properties: tuple[Property, ...]
    streamed: bool = False
    """The disk is sent as `disk_format` while it is read from an image of another format."""
    container_format: str = "bare"
    format_reason: str | None = None
    """Why it is this format, where imgtool chose it."""

    @property
    def sent_format(self) -> str:
        """The format of the bytes that are sent, as imgtool names it."""
        return self.disk_format if self.streamed else self.image.format

    @property
    def known_size_bytes(self) -> int | None:
        """The size of what is sent; None for a file still to be made, or a qcow2 made while it is sent."""
        if self.streamed:
            return self.image.virtual_size_bytes if self.disk_format == "raw" else None
        return self.image.file_size_bytes if self.image.handle is not None else None


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What Glance has now: verified against what was sent, or against what would have been."""

    plan: UploadPlan
    image_id: str
    status: str
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    """Of what Glance has: what was sent or, where Glance converted it, the disk in it as `stored_format`."""
    stored_format: str
    seconds: float
    ending: Ending = "uploaded"
    stores: tuple[str, ...] = ()
    """Where Glance says that it keeps the image; none where it does not tell."""
    replaced: tuple[str, ...] = ()
    """Ids of the images that had the name before; they are hidden now, under another one."""
    notes: tuple[str, ...] = ()
    """What the operator should know besides: attempts that were needed, attributes that differ."""
    retired: Retirement | None = None
    """What became of older versions; None where none were to go."""


@dataclass(frozen=True, slots=True)
class UploadFailure:
    """Why one cloud of several did not get the image; nothing of it is left there."""

    plan: UploadPlan
    message: str
    hint: str
    exit_status: int
    code: str = "cloud-failed"
    """The error's stable name in JSON."""
