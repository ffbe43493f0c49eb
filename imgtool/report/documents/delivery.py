"""What `imgtool convert`, `upload`, `copy` and `retire` print as JSON."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from imgtool.model.conversion import Compression, Engine, Preallocation, Verification
from imgtool.model.delivery import Ending, Metadata, Method, OnConflict
from imgtool.model.retirement import Fate
from imgtool.report.documents.facts import Image
from imgtool.report.documents.others import Problem, ProblemOf


class LeftOut(TypedDict):
    """A file system, or what no partition has, and how much of it is free and not copied."""

    device: str
    type: str
    size_bytes: int
    free_bytes: int
    reason: str | None


class Conversion(TypedDict):
    """What a conversion will do and, once it is done, what it did."""

    source: Image
    target: str
    target_format: Literal["raw", "qcow2"]
    compression: Compression
    engine: Engine
    engine_reason: str
    cluster_size_bytes: int | None
    level: int | None
    threads: int | None
    preallocation: Preallocation
    use_extents: bool
    sparsify: bool
    left_out: list[LeftOut] | None
    verify: Verification
    file_size_bytes: NotRequired[int]
    allocated_bytes: NotRequired[int]
    seconds: NotRequired[float]
    virtual_size_bytes: NotRequired[int]
    data_bytes: NotRequired[int | None]
    cloned_bytes: NotRequired[int]
    notes: NotRequired[list[str]]


class Version(TypedDict):
    """One image of a name, and what becomes of it."""

    image_id: str
    name: str
    created_at: str | None
    size_bytes: int
    fate: Fate
    reason: str
    hides: bool


class Retirement(TypedDict):
    """The versions of one name in one cloud."""

    cloud: str
    name: str
    keep: int
    versions: list[Version]
    notes: list[str]


class Delivery(TypedDict):
    """What an upload into one cloud will do and, once it is done, what Glance has."""

    cloud: str
    name: str
    path: str
    disk_format: str
    format_reason: str | None
    container_format: str
    streamed: bool
    min_disk_gib: int
    visibility: str
    protected: bool
    hidden: bool
    tags: list[str]
    members: list[str]
    min_ram_mib: int
    wanted_id: str | None
    owner: str | None
    method: Method
    stores: list[str] | None
    all_stores: bool
    on_conflict: OnConflict
    keep_last: int | None
    metadata: Metadata | None
    properties: dict[str, str]
    property_reasons: dict[str, str]
    image_id: NotRequired[str]
    status: NotRequired[str]
    size_bytes: NotRequired[int]
    os_hash_algo: NotRequired[str]
    os_hash_value: NotRequired[str]
    stored_format: NotRequired[str]
    seconds: NotRequired[float]
    ending: NotRequired[Ending]
    replaced: NotRequired[list[str]]
    retired: NotRequired[Retirement | None]
    notes: NotRequired[list[str]]


class NotDelivered(TypedDict):
    """Why a cloud has nothing."""

    cloud: str
    error: Problem


class Deliveries(TypedDict):
    """The clouds in their order; `upload` is the first. `error` stands beside them where one failed."""

    upload: Delivery | NotDelivered | None
    uploads: list[Delivery | NotDelivered]
    error: NotRequired[Problem]


class Delivered(Deliveries):
    """What `imgtool upload` prints: the keys of `upload` stand beside it as well."""

    schema_version: Literal[1]


class Copy(TypedDict):
    """An image that is in all stores where it was wanted."""

    cloud: str
    image_id: str
    name: str
    copied: list[str]
    stores: list[str]
    size_bytes: int
    os_hash_algo: str
    os_hash_value: str
    seconds: float


class Copies(TypedDict):
    """What `imgtool copy` prints."""

    schema_version: Literal[1]
    copies: list[Copy | ProblemOf]
    error: NotRequired[Problem]


class Retired(TypedDict):
    """What `imgtool retire` prints."""

    schema_version: Literal[1]
    dry_run: bool
    retired: list[Retirement | ProblemOf]
    error: NotRequired[Problem]
