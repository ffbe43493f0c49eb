"""What an image is, and what is inside it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from imgtool.disk.consistency import read_consistency
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.model.image import DiskImage
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.pipeline.guest_reader import read_guest
from imgtool.util.progress import Progress
from imgtool.util.text import human_size

if TYPE_CHECKING:
    from imgtool.convert.digest import Digest


def inspect_image(
    image: DiskImage,
    progress: Progress,
    guest_query: GuestQuery = NO_EXTRAS,
    *,
    with_map: bool = False,
    with_hash: bool = False,
) -> Inspection:
    """What the image is and what is inside; `with_map` also where its file keeps data.

    `with_hash` also the SHA-256 of its file, which is computed meanwhile.

    Takes what `open_container` and the sandbox take, and one run of `qemu-img check`: all bounded in time.
    """
    progress.stage("inspect", f"{image.origin.path} ({image.format}, {human_size(image.virtual_size_bytes)})")
    with _hashed(image, with_hash=with_hash) as digest:
        guest = read_guest(image, progress, guest_query)
        inspection = Inspection(image, guest, read_consistency(image))
        inspection = replace(inspection, sha256=None if digest is None else digest.value())
    return replace(inspection, disk_map=_map(image)) if with_map else inspection


def _hashed(image: DiskImage, *, with_hash: bool) -> "AbstractContextManager[Digest | None]":
    if not with_hash:
        return nullcontext()
    from imgtool.convert.digest import background_digest  # noqa: PLC0415 - loaded only where it is needed

    return background_digest(image, stands_back=False)


def _map(image: DiskImage) -> DiskMap | None:
    from imgtool.disk.usage import map_disk  # noqa: PLC0415 - loaded only where it is needed

    return map_disk(image)
