"""Import by web-download: Glance fetches the URL itself, and what arrived is proven by the published hashes.

https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.convert.payload import Bytes, open_payload
from imgtool.disk.temporary import temporary_folder
from imgtool.errors import VerificationError
from imgtool.fetch.download import OTHER_FILE, compare
from imgtool.fetch.download import fetch as fetch_file
from imgtool.formats.gate import admit
from imgtool.glance import converted, imports
from imgtool.glance.body import USUAL_ALGORITHM, hash_of
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.imports import ImportFailedError
from imgtool.glance.plan import IMAGE_HASH, SOURCE_SHA256
from imgtool.glance.record import Record
from imgtool.glance.verify import Proof, hash_in, require_equal, unknown_algorithm, verify_arrival
from imgtool.glance.web_content import WebContent
from imgtool.model.delivery import UploadPlan
from imgtool.util.progress import Progress
from imgtool.util.text import printable

_BAD_REQUEST = 400


def fetch(
    plan: UploadPlan, image_id: str, content: WebContent, cloud: Cloud, progress: Progress
) -> tuple[Record, Proof]:
    """Let Glance fetch it; the record of the active image, and how it was proven.

    Raises CloudError, FetchError, VerificationError; ImageUnreadableError and UnsafeImageError where Glance
    converted it, and so its disk has to be read here.
    """
    progress.stage("import", f"image {image_id}: Glance fetches {content.shown}")
    with _named(content):
        imports.start(cloud, image_id, plan.wanted, content.url)
        if not content.is_proof_at_once:
            content.hash_by(USUAL_ALGORITHM, progress)  # while Glance fetches it as well
        record = imports.wait(cloud, image_id)
    if converted.may_be(plan, record):
        progress.stage("verify", f"Glance converted it to {converted.FORMAT}: comparing with the disk")
        return record, _converted(plan, record, content, progress)
    return record, _as_published(plan, record, content, progress)


@contextmanager
def _named(content: WebContent) -> Iterator[None]:
    """Glance's messages quote the URL, whose query may hold a key, and do not tell why it was not fetched."""
    try:
        yield
    except ImportFailedError as error:
        if not content.problem:
            raise
        hint = f"it cannot be fetched from here either: {content.problem}"
        raise ImportFailedError(error.message, hint=hint) from error
    except GlanceRefusal as error:
        hint = _FILTERED if error.status == _BAD_REQUEST else error.hint
        message = error.message.replace(content.url, content.shown)
        raise GlanceRefusal.of(error.status, message, hint) from error


_FILTERED = (
    "clouds take URLs of some hosts and ports only (import_filtering_opts): ask its administrator, or leave "
    "--method out: then imgtool fetches the file and sends it"
)


def _as_published(plan: UploadPlan, record: Record, content: WebContent, progress: Progress) -> Proof:
    require_equal("disk format", plan.disk_format, record.disk_format)
    algorithm, value = hash_in(record)
    wanted = content.hash_by(algorithm, progress)
    if wanted is None:
        raise unknown_algorithm(algorithm)
    compare(
        f"what Glance fetched from {content.shown}",
        {algorithm: value or "none"},
        {algorithm: wanted},
        hint=OTHER_FILE,
    )
    return Proof(record.disk_format or "", algorithm, wanted)


def is_made_of(plan: UploadPlan, record: Record, content: WebContent, progress: Progress) -> bool:
    """Whether Glance made the image `record`, of another format, of the published file.

    The image's own properties tell, where both sides know the file's SHA-256 and the image is still the one
    that was verified then; else the file is fetched and its disk compared. Raises what `fetch` does.
    """
    told, published = record.properties.get(SOURCE_SHA256), content.published.get("sha256")
    if told and published:
        algorithm, value = hash_in(record)
        if told != published:
            return False
        if value and record.properties.get(IMAGE_HASH) == f"{algorithm}:{value}":
            return True
    progress.stage("hash", f"{printable(record.name)} may be made of it: comparing with the disk")
    try:
        _converted(plan, record, content, progress)
    except VerificationError:
        return False
    return True


def _converted(plan: UploadPlan, record: Record, content: WebContent, progress: Progress) -> Proof:
    """What Glance has is the disk in the published file, which is fetched to be read, and is gone then."""
    with temporary_folder(Path(plan.image.path.name)) as folder:
        file = fetch_file(content.url, content.published, folder, progress)
        image = admit(file.path, plan.image.format)
        with open_payload(image, image.format, progress) as payload:
            if payload.disk is None:
                raise VerificationError(
                    f"Glance converted {content.shown} to raw, and its disk cannot be read here",
                    hint="use imgtool prepare, which converts it before it is sent",
                )
            return verify_arrival(record, _Disk(payload.disk), converted.FORMAT)


class _Disk:
    """A disk whose hash is computed when it is asked for."""

    def __init__(self, disk: Bytes) -> None:
        self._disk = disk

    def __len__(self) -> int:
        return self._disk.size_bytes

    def hash_by(self, algorithm: str) -> str | None:
        """Read all of it."""
        return hash_of(self._disk, algorithm)
