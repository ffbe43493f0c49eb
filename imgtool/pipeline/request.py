"""What the operator asked for, whichever front end heard it: the command line or a batch's manifest."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imgtool import glance
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.convert import convert
from imgtool.model.boot import BootOptions
from imgtool.model.cloud_boot import CloudBootOptions
from imgtool.model.conversion import Compression, ConversionOptions
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.image import DiskImage
from imgtool.model.result import ImageResult
from imgtool.model.source import FoundFile, SourceHash
from imgtool.util.progress import Progress

Judge = Callable[[DiskImage, BootOptions | None], ImageResult]
"""Inspects and judges an image; with options it is booted too, where nothing stands in the way of that."""


class Repair(Protocol):
    """Repairs what was judged: see fix/on_the_way.py, which stands above this package."""

    def __call__(
        self, before: ImageResult, judge: Judge, progress: Progress, *, dry_run: bool
    ) -> AbstractContextManager[ImageResult]:
        """Return the result of what is delivered, a copy that is gone when the block ends, or `before`."""


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """One image, how it is judged and converted, and what it is to be in which clouds."""

    source: Path
    clouds: tuple[CloudName, ...]
    wanted: GlanceTarget
    journal: Path
    """Folder in which uploads are noted until they are finished."""
    find: Callable[[Progress], AbstractContextManager[FoundFile]] | None = None
    """What fetches the file at `source`, or compares it with a hash, once the clouds have let us in.

    None: it is there, and is what it is."""
    web: glance.WebContent | None = None
    """What Glance fetches by itself; `source` is then the name of its file."""
    source_url: str | None = None
    """Where the file at `source` is fetched from, without a query; None: it is a file of this machine."""
    admitted: DiskImage | None = None
    """The image at `source`, where it is open already."""
    source_format: str | None = None
    disk: str | None = None
    """Of an OVA, by its file's name; None: the only one."""
    force_share: bool = False
    """Another program may have it open for writing."""
    target_format: convert.TargetFormat = "qcow2"
    choose_format: bool = False
    """Let the clouds decide which one; `target_format` is then what the operator's other options need."""
    format_reason: str | None = None
    """Why it is `target_format`, once the clouds have decided."""
    store_type: str | None = None
    """What drives the stores, for a user whom the cloud does not tell; None: ask, or remember."""
    compression: Compression = "none"
    conversion: ConversionOptions = field(default_factory=ConversionOptions)
    keep: Path | None = None
    """Where what was uploaded is to stay as a file."""
    properties: Mapping[str, str] = field(default_factory=dict)
    derive: bool = True
    """Set properties by what is inside, and what says where the image came from."""
    source_hash: SourceHash = "sha256"
    """Which hash of the source is among what says where the image came from."""
    policy: Policy = OPENSTACK
    with_map: bool = False
    """Also find out where the source keeps data: a report will draw it."""
    with_bill: bool = False
    """Also read all packages, and hash the source: a report will list them."""
    repair: Repair | None = None
    """Let the guest repair a copy first, which is then delivered; None does not."""
    boot: BootOptions | None = None
    """Also start it, once nothing else stands in the way; None does not."""
    cloud_boot: CloudBootOptions | None = None
    """Also start a throwaway server from it in each cloud, once it is there; None does not."""
    allow_snapshots: bool = False
    """Upload an image with internal snapshots as it is."""
    insist: bool = False
    """Deliver also what Nova refuses in that format: see formats/acceptance.py."""
    timeout_seconds: float = glance.SEND_SECONDS
    """How long Glance may take no bytes, or give no answer."""
