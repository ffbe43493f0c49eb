"""-O auto: the format that suits where the image goes, settled before anything is made."""

from collections.abc import Sequence
from dataclasses import replace

from imgtool import glance
from imgtool.convert.sound import has_compressed_clusters
from imgtool.errors import CloudError
from imgtool.glance import suitable
from imgtool.model.conversion import Compression
from imgtool.model.image import DiskImage
from imgtool.pipeline.request import PrepareRequest
from imgtool.util.progress import Progress


def settled(
    request: PrepareRequest, source: DiskImage, there: Sequence[glance.Destination], progress: Progress
) -> PrepareRequest:
    """Return the request with a format and its reason; as it is where the operator chose.

    `there` has the clouds that are connected; a dry run asks them here. Raises CloudError where they need
    different formats.
    """
    if not request.choose_format:
        return request
    asked = there or _asked(request, progress)
    storages = suitable.storages(request.clouds, asked, request.wanted, request.journal, request.store_type)
    choice = suitable.common(suitable.suitable_for_all(storages), request.clouds)
    progress.stage("format", f"{choice.target_format}: {choice.reason}")
    chosen = replace(
        request, target_format=choice.target_format, choose_format=False, format_reason=choice.reason
    )
    if choice.by_import:
        wanted = replace(request.wanted, method="import")
        chosen = replace(chosen, wanted=wanted, compression=_compression(request, source))
    return chosen


def _asked(request: PrepareRequest, progress: Progress) -> tuple[glance.Destination, ...]:
    """A dry run needs no cloud: one that cannot be asked is one of which nothing is known."""
    try:
        return glance.connect_each(request.clouds, request.timeout_seconds, progress)
    except CloudError as error:
        return (glance.Destination(None, error),) * len(request.clouds)


def _compression(request: PrepareRequest, source: DiskImage) -> Compression:
    """What travels is small: a qcow2 that has compressed clusters is so already, and is sent as it is.

    A repaired copy is raw, whatever its source is.
    """
    small = (
        request.repair is None
        and source.format == "qcow2"
        and source.wrapper is None
        and has_compressed_clusters(source)
    )
    return "none" if small else "zlib"
