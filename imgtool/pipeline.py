"""prepare: the story of one image, top to bottom."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from imgtool import convert, glance
from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.disk.access import open_disk
from imgtool.disk.consistency import read_consistency
from imgtool.disk.incoming import incoming
from imgtool.formats.gate import admit
from imgtool.guest.inspect import inspect_disk
from imgtool.model.conversion import Compression, ConversionPlan, ConversionResult
from imgtool.model.delivery import UploadPlan, Wanted
from imgtool.model.image import DiskImage
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.model.judgement import Judgement
from imgtool.model.look_for import NOTHING_ELSE, LookFor
from imgtool.model.story import Story
from imgtool.progress import Progress
from imgtool.text import human_size


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for."""

    source: Path
    cloud: str | None
    name: str
    source_format: str | None = None
    target_format: convert.TargetFormat = "qcow2"
    compression: Compression = "none"
    visibility: str = "private"
    properties: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = OPENSTACK
    with_map: bool = False
    """Also find out where the source keeps data: a report will draw it."""


def prepare(order: Order, progress: Progress, *, dry_run: bool = False) -> Story:
    """Inspect, check, convert, upload, verify. What a check fails goes nowhere; nothing is left behind."""
    cloud = None if dry_run else _connect(order, progress)
    with _incoming(order, progress) as source, _workspace() as folder:
        inspection = inspect_image(source, progress, registry.look_for(order.policy), with_map=order.with_map)
        judgement = registry.judge(inspection, order.policy)
        done = Story(judgement, inspection)
        progress.stage("check", _verdict(judgement))
        if not judgement.passed:
            return done
        conversion_plan = _plan_conversion(order, source, folder)
        upload_plan = _plan_upload(order, inspection, conversion_plan)
        done = replace(done, conversion_plan=conversion_plan, upload_plans=(upload_plan,))
        if cloud is None:
            return done
        image, conversion = _convert(source, conversion_plan, progress)
        upload = glance.execute(replace(upload_plan, image=image), cloud, progress)
        progress.stage("verify", f"{upload.image_id} is {upload.status}, {upload.hash_algorithm} as sent")
        return replace(done, conversion=conversion, upload_plans=(upload.plan,), uploads=(upload,))


def inspect_image(
    image: DiskImage, progress: Progress, look_for: LookFor = NOTHING_ELSE, *, with_map: bool = False
) -> Inspection:
    """What the image is and what is inside; `with_map` also where its file keeps data.

    Takes what `open_disk` takes and one run of `qemu-img check`, which is bounded in time.
    """
    progress.stage("inspect", f"{image.origin.path} ({image.format}, {human_size(image.virtual_size_bytes)})")
    with open_disk(image, progress) as disk:
        guest = inspect_disk(disk, image.virtual_size_bytes, look_for)
    inspection = Inspection(image, guest, read_consistency(image))
    return replace(inspection, disk_map=_map(image)) if with_map else inspection


def _map(image: DiskImage) -> DiskMap | None:
    from imgtool.disk.usage import map_disk  # noqa: PLC0415 - loaded only where it is needed

    return map_disk(image)


def _incoming(order: Order, progress: Progress) -> AbstractContextManager[DiskImage]:
    """To be inspected, a disk has to be a file: what comes compressed or by a pipe is kept for as long."""
    return incoming(order.source, order.source_format, progress, may_stream=False)


def _connect(order: Order, progress: Progress) -> glance.Cloud:
    """First of all: a wrong password should not be found out after an hour of conversion."""
    cloud = glance.connect(order.cloud)
    cloud.refuse_name_conflict(order.name)
    progress.stage("cloud", f"{cloud.name}: authenticated, no image named {order.name} there")
    return cloud


def _plan_conversion(order: Order, source: DiskImage, folder: Path) -> ConversionPlan | None:
    """None where the source is already what is wanted."""
    if source.format == order.target_format and order.compression == "none":
        return None
    target = folder / f"image.{order.target_format}"
    return convert.plan(source, target, order.target_format, order.compression)


def _plan_upload(order: Order, inspection: Inspection, conversion: ConversionPlan | None) -> UploadPlan:
    """Made before the conversion: the target has the source's virtual size and the planned format."""
    source = inspection.image
    image = replace(source, path=conversion.target, format=conversion.target_format) if conversion else source
    return glance.plan_upload(
        image,
        cloud=order.cloud,
        wanted=Wanted(order.name, order.visibility),
        properties=glance.derive(inspection, order.properties),
    )


def _convert(
    source: DiskImage, plan: ConversionPlan | None, progress: Progress
) -> tuple[DiskImage, ConversionResult | None]:
    if plan is None:
        progress.stage("convert", f"not needed: the image is {source.format} already")
        return source, None
    progress.stage("convert", f"{source.format} -> {plan.target_format}, compression {plan.compression}")
    result = convert.execute(plan, progress)
    return admit(plan.target, plan.target_format), result


def _verdict(judgement: Judgement) -> str:
    failing = [finding.check for finding in judgement.findings if finding.fails_image]
    count = len(judgement.findings)
    return f"{count} checks: {'failed: ' + ', '.join(failing) if failing else 'fit for OpenStack'}"


@contextmanager
def _workspace() -> Iterator[Path]:
    """A temporary folder below TMPDIR, gone with everything in it when the block ends."""
    with TemporaryDirectory(prefix="imgtool-") as folder:
        yield Path(folder)
