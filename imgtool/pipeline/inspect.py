"""What an image is, and what is inside it."""

from dataclasses import replace

from imgtool.disk.consistency import read_consistency
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.model.image import DiskImage
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.pipeline.guest_reader import read_guest
from imgtool.util.progress import Progress
from imgtool.util.text import human_size


def inspect_image(
    image: DiskImage, progress: Progress, guest_query: GuestQuery = NO_EXTRAS, *, with_map: bool = False
) -> Inspection:
    """What the image is and what is inside; `with_map` also where its file keeps data.

    Takes what `open_container` and the sandbox take, and one run of `qemu-img check`: all bounded in time.
    """
    progress.stage("inspect", f"{image.origin.path} ({image.format}, {human_size(image.virtual_size_bytes)})")
    guest = read_guest(image, progress, guest_query)
    inspection = Inspection(image, guest, read_consistency(image))
    return replace(inspection, disk_map=_map(image)) if with_map else inspection


def _map(image: DiskImage) -> DiskMap | None:
    from imgtool.disk.usage import map_disk  # noqa: PLC0415 - loaded only where it is needed

    return map_disk(image)
