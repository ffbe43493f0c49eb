"""An image that Glance fetches from the web by itself: nothing of it is inspected, only proven."""

from pathlib import Path

from imgtool import glance
from imgtool.errors import UsageError
from imgtool.fetch.urls import file_name
from imgtool.formats.claims import OVA, format_by_ending, is_packed
from imgtool.model.delivery import Property, UploadPlan
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.model.result import ImageResult
from imgtool.model.source import SHA256
from imgtool.pipeline.request import PrepareRequest
from imgtool.util.progress import Progress
from imgtool.util.text import printable


def deliver(
    request: PrepareRequest, content: glance.WebContent, progress: Progress, *, dry_run: bool
) -> ImageResult:
    """Let each cloud fetch it, and prove what arrived by the published hashes."""
    image = _image(content, _format(request, content.url))
    there = () if dry_run else glance.connect_each(request.clouds, request.timeout_seconds, progress)
    content.ask_size()
    plans = _plans(request, image, content)
    result = ImageResult(upload_plans=plans)
    if dry_run:
        return result
    journal = glance.Journal(request.journal)
    there = glance.check_each(
        plans, there, content.size_bytes or None, journal, progress, insist=request.insist
    )
    uploads = glance.upload_to_each(plans, there, content, journal, progress)
    return ImageResult(upload_plans=tuple(one.plan for one in uploads), uploads=uploads)


def _format(request: PrepareRequest, url: str) -> str:
    """The format as it is claimed: Glance compares it with the content. Raises UsageError."""
    name = file_name(url)
    shown = printable(name)
    if is_packed(name):
        raise UsageError(
            f"{shown}: is compressed as a whole, and Glance would keep it so",
            hint="leave --method out, and use imgtool prepare: it unpacks the image first",
        )
    found = "iso" if name.lower().endswith(".iso") else request.source_format or format_by_ending(name)
    if found is None or found == OVA:
        raise UsageError(
            f"{shown}: its name does not say which format Glance is to expect",
            hint="give --source-format"
            if found is None
            else "use imgtool prepare, which takes the disk out of it",
        )
    return found


def _image(content: glance.WebContent, image_format: str) -> DiskImage:
    """What is known of it."""
    return DiskImage(
        path=Path(content.shown),
        format=image_format,
        virtual_size_bytes=0,
        file_size_bytes=content.size_bytes,
        allocated_bytes=0,
        identity=FileIdentity(0, 0, 0, 0),
        format_evidence="claimed by the name or the caller",
    )


def _plans(request: PrepareRequest, image: DiskImage, content: glance.WebContent) -> tuple[UploadPlan, ...]:
    properties = (*_described(request), *_provenance(request, content))
    return tuple(
        glance.plan_upload(image, cloud=name, wanted=request.wanted, properties=properties)
        for name in request.clouds
    )


def _described(request: PrepareRequest) -> tuple[Property, ...]:
    given = glance.given(request.properties)
    if request.wanted.metadata is None:
        return given
    derive, insist = request.derive, request.insist
    return glance.described(given, None, request.wanted, request.source_url, derive=derive, insist=insist)


def _provenance(request: PrepareRequest, content: glance.WebContent) -> tuple[Property, ...]:
    """The published SHA-256 costs nothing, whichever hash is computed of what is read here."""
    if not request.derive:
        return ()
    sha256 = None if request.source_hash == "none" else content.published.get(SHA256)
    return (*glance.provenance(None), *([glance.source_hash(SHA256, sha256)] if sha256 else []))
