"""Decides what an upload will do, and which properties tell where the image came from.

Pure: the plan is a value that can be printed.
"""

from collections.abc import Sequence

from imgtool import __version__
from imgtool.errors import UsageError
from imgtool.model.delivery import CloudName, GlanceTarget, Property, UploadPlan
from imgtool.model.image import DiskImage
from imgtool.model.source import SHA256, SHA256_CHUNKS, SourceHash
from imgtool.model.validation import require_valid
from imgtool.util.text import printable, shell_operands

GIB = 1 << 30
MAX_TEXT = 255
"""Glance's bound on an image's name and on a property's name, in characters (its schemas and tables)."""
MAX_VALUE = 65_535
"""Bytes of a property's value: the column's type is TEXT."""

_DISK_FORMATS = {
    "raw": "raw",
    "qcow2": "qcow2",
    "vmdk": "vmdk",
    "vdi": "vdi",
    "vpc": "vhd",
    "vhdx": "vhdx",
    "iso": "iso",
}
"""qemu-img's names -> Glance's (its option `disk_formats`)."""

_RESERVED = frozenset({
    "id", "name", "status", "visibility", "owner", "protected", "tags", "checksum", "size", "virtual_size",
    "disk_format", "container_format", "min_disk", "min_ram", "created_at", "updated_at", "deleted",
    "deleted_at", "is_public", "location", "locations", "direct_url", "self", "file", "schema", "stores",
    "os_hidden", "os_hash_algo", "os_hash_value",
})  # fmt: skip
"""Attributes of the image itself, which a property of the same name would overwrite."""
_RESERVED_PREFIX = "os_glance_"


def plan_upload(
    image: DiskImage,
    *,
    cloud: CloudName,
    wanted: GlanceTarget,
    properties: Sequence[Property],
    disk_format: str | None = None,
) -> UploadPlan:
    """What `execute` will do. `disk_format` is Glance's, None for the image's own. Raises UsageError."""
    _refuse_wrapped(image)
    _require_name(wanted.name)
    require_valid(wanted)
    for one in properties:
        _require_property(one)
    own = _disk_format(image)
    return UploadPlan(
        cloud=cloud.label,
        image=image,
        disk_format=own if disk_format in {None, image.format} else disk_format,
        min_disk_gib=_min_disk_gib(image, wanted),
        wanted=wanted,
        properties=tuple(properties),
    )


def _min_disk_gib(image: DiskImage, wanted: GlanceTarget) -> int:
    needed = -(-image.virtual_size_bytes // GIB)
    return needed if wanted.min_disk_gib is None else wanted.min_disk_gib


def _refuse_wrapped(image: DiskImage) -> None:
    if image.wrapper is not None:
        raise UsageError(
            f"{printable(str(image.path))} is compressed with {image.wrapper}; Nova does not unpack images",
            hint=f"unpack it first, or use: imgtool prepare {shell_operands([str(image.path)]) or 'SOURCE'}",
        )


def _require_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_TEXT or printable(name) != name:
        raise UsageError(
            f"Glance takes no image name like {printable(name[:MAX_TEXT])!r}",
            hint=f"give --name with 1 to {MAX_TEXT} printable characters",
        )


def _require_property(one: Property) -> None:
    shown = printable(one.name[:MAX_TEXT])
    if one.name in _RESERVED or one.name.startswith(_RESERVED_PREFIX):
        raise UsageError(f"{shown} is an attribute of the image itself, not a property", hint="leave it out")
    if not 1 <= len(one.name) <= MAX_TEXT or printable(one.name) != one.name:
        raise UsageError(f"Glance takes no property name like {shown!r}", hint="rename it")
    if len(one.value.encode(errors="replace")) > MAX_VALUE or printable(one.value) != one.value:
        raise UsageError(
            f"the value of property {shown} is not printable or too long",
            hint=f"use at most {MAX_VALUE} bytes of printable text",
        )


def _disk_format(image: DiskImage) -> str:
    try:
        return _DISK_FORMATS[image.format]
    except KeyError:
        raise UsageError(
            f"{printable(str(image.path))}: Glance has no disk format for {printable(image.format)}",
            hint="convert it to qcow2 or raw first: imgtool convert",
        ) from None


PREFIX = "imgtool_"


VALUE_CHARACTERS = 255
"""Of a property: nova/db/main/models.py keeps no more of one for a server."""


def provenance(policy: str | None, repaired: Sequence[str] = ()) -> tuple[Property, ...]:
    """Return properties that say what made the image, and the policy (profile or file) that judged it.

    `repaired` are the checks for which the guest was changed: it is not what its source is.
    """
    made = [Property(f"{PREFIX}version", __version__, "what uploaded it")]
    if policy is not None:
        name = printable(policy.rpartition("/")[2])
        made.append(Property(f"{PREFIX}policy", name, "what it was judged by"))
    if repaired:
        names = ",".join(repaired)
        value = names if len(names) <= VALUE_CHARACTERS else f"{len(repaired)} checks"
        made.append(Property(f"{PREFIX}repaired", value, "what the guest was repaired for"))
    return tuple(made)


IMAGE_HASH = f"{PREFIX}image_hash"
SOURCE_SHA256 = f"{PREFIX}source_sha256"


def image_hash(algorithm: str, value: str) -> Property:
    """Return the property with the image's own hash, as ALGORITHM:HEX.

    Nova hands properties on to a snapshot of a server, whose hash is another: so it is told apart.
    """
    return Property(IMAGE_HASH, f"{algorithm}:{value}", "what Glance computed of this image itself")


def source_hash(algorithm: SourceHash, value: str) -> Property:
    """Return the property with the hash of the file that the user named."""
    name, reason = _SOURCE_HASHES[algorithm]
    return Property(name, value, reason)


_SOURCE_HASHES = {
    SHA256: (SOURCE_SHA256, "the source file's, as sha256sum prints it"),
    SHA256_CHUNKS: (f"{SOURCE_SHA256}_chunks", "the source file's, by its chunks of 1 MiB"),
}
