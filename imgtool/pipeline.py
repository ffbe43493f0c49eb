"""prepare: the story of one image, top to bottom; and upload, which leaves the image as it is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool import box, convert, glance
from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.disk.consistency import read_consistency
from imgtool.disk.digest import Digest, sha256_beside
from imgtool.disk.incoming import incoming
from imgtool.disk.payload import can_stream, open_payload
from imgtool.disk.temporary import temporary_folder
from imgtool.errors import UnsafeImageError
from imgtool.formats.gate import admit
from imgtool.guest_box import read_guest
from imgtool.model.boot import BootOptions, BootResult
from imgtool.model.conversion import Compression, ConversionOptions, ConversionPlan, ConversionResult
from imgtool.model.delivery import CloudName, Property, UploadPlan, Wanted
from imgtool.model.image import DiskImage
from imgtool.model.inspection import DiskMap, Inspection
from imgtool.model.judgement import Judgement
from imgtool.model.look_for import NOTHING_ELSE, LookFor
from imgtool.model.story import Story
from imgtool.progress import Progress
from imgtool.text import human_size, printable


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for."""

    source: Path
    clouds: tuple[CloudName, ...]
    wanted: Wanted
    journal: Path
    """Folder in which uploads are noted until they are finished."""
    source_format: str | None = None
    target_format: convert.TargetFormat = "qcow2"
    compression: Compression = "none"
    conversion: ConversionOptions = field(default_factory=ConversionOptions)
    keep: Path | None = None
    """Where what was uploaded is to stay as a file."""
    properties: Mapping[str, str] = field(default_factory=dict)
    derive: bool = True
    """Set properties by what is inside, and what says where the image came from."""
    policy: Policy = OPENSTACK
    with_map: bool = False
    """Also find out where the source keeps data: a report will draw it."""
    boot: BootOptions | None = None
    """Also start it, once nothing else stands in the way; None does not."""
    allow_snapshots: bool = False
    """Upload an image with internal snapshots as it is."""
    timeout_seconds: float = glance.SEND_SECONDS
    """How long Glance may take no bytes, or give no answer."""


def prepare(order: Order, progress: Progress, *, dry_run: bool = False) -> Story:
    """Inspect, check, convert, upload, verify. What a check fails goes nowhere; nothing is left behind."""
    box.start()  # before anything secret is in memory
    there = () if dry_run else _connect(order, progress)
    with (
        _incoming(order, progress) as source,
        _target(order, source) as target,
        _digest(order, source, dry_run=dry_run) as digest,
    ):
        inspection = inspect_image(source, progress, registry.look_for(order.policy), with_map=order.with_map)
        told = judge_image(inspection, order.policy, progress, order.boot)
        if told.judgement is None or not told.judgement.passed:
            return told
        inspection = told.inspection or inspection
        conversion_plan = _plan_conversion(order, source, target)
        plans = _plan_uploads(
            order, inspection, conversion_plan, order.target_format, policy=order.policy.name
        )
        told = replace(told, conversion_plan=conversion_plan, upload_plans=plans)
        if dry_run:
            return told
        there = glance.check_each(
            plans, there, _known_size(plans[0]), glance.Journal(order.journal), progress
        )
        image, conversion = _convert(conversion_plan, source, progress)
        told = replace(told, conversion=conversion)
        plans = tuple(replace(plan, image=image) for plan in plans)
        return _with_uploads(told, _upload(order, plans, there, digest, progress))


def upload(order: Order, progress: Progress, *, dry_run: bool = False) -> Story:
    """Inspect, upload as it is, verify."""
    image = admit(order.source, order.source_format)
    if image.snapshots and not order.allow_snapshots:
        raise _with_snapshots(image)
    there = () if dry_run else _connect(order, progress)
    with _digest(order, image, dry_run=dry_run) as digest:
        inspection = inspect_image(image, progress)
        plans = _plan_uploads(order, inspection, None, image.format, policy=None)
        told = Story(inspection=inspection, upload_plans=plans)
        if dry_run:
            return told
        journal = glance.Journal(order.journal)
        there = glance.check_each(plans, there, image.file_size_bytes, journal, progress)
        return _with_uploads(told, _upload(order, plans, there, digest, progress))


def _with_snapshots(image: DiskImage) -> UnsafeImageError:
    """Who downloads it gets what was deleted from the disk since. A conversion leaves them out."""
    return UnsafeImageError(
        f"{printable(str(image.path))}: it holds {image.snapshots} internal snapshot(s) of older states",
        hint="delete them: qemu-img snapshot -d NAME IMAGE; or, if they are to be there, --allow-snapshots",
    )


def inspect_image(
    image: DiskImage, progress: Progress, look_for: LookFor = NOTHING_ELSE, *, with_map: bool = False
) -> Inspection:
    """What the image is and what is inside; `with_map` also where its file keeps data.

    Takes what `open_holder` and the box take, and one run of `qemu-img check`: all bounded in time.
    """
    progress.stage("inspect", f"{image.origin.path} ({image.format}, {human_size(image.virtual_size_bytes)})")
    guest = read_guest(image, progress, look_for)
    inspection = Inspection(image, guest, read_consistency(image))
    return replace(inspection, disk_map=_map(image)) if with_map else inspection


def judge_image(
    inspection: Inspection, policy: Policy, progress: Progress, options: BootOptions | None = None
) -> Story:
    """The verdict. With `options` the image is booted too, where nothing stands in the way of that.

    The file that was inspected has to be there still. Raises what `imgtool.boot.prove.prove` does.
    """
    judgement = registry.judge(inspection, policy)
    if options is not None and registry.allows_boot(judgement):
        inspection = replace(inspection, boots=_boot(inspection, options, progress))
        judgement = registry.judge(inspection, policy)
    progress.stage("check", _verdict(judgement))
    return Story(judgement, inspection)


def _boot(inspection: Inspection, options: BootOptions, progress: Progress) -> tuple[BootResult, ...]:
    from imgtool.boot.prove import prove  # noqa: PLC0415 - loaded only where it is needed

    return prove(inspection, options, progress)


def _map(image: DiskImage) -> DiskMap | None:
    from imgtool.disk.usage import map_disk  # noqa: PLC0415 - loaded only where it is needed

    return map_disk(image)


def _incoming(order: Order, progress: Progress) -> AbstractContextManager[DiskImage]:
    """To be inspected, a disk has to be a file: what comes compressed or by a pipe is kept for as long."""
    return incoming(order.source, order.source_format, progress, may_stream=False)


def _connect(order: Order, progress: Progress) -> tuple[glance.Destination, ...]:
    """First of all: a wrong password should not be found out after an hour of conversion."""
    return glance.connect_each(order.clouds, order.timeout_seconds, progress)


def _digest(order: Order, source: DiskImage, *, dry_run: bool) -> AbstractContextManager[Digest | None]:
    """Of the file that the user named; what came by a pipe has no file to compare with.

    It begins at once, and is needed last of all: a core is free for it while the image is inspected.
    """
    file = source.origin
    wanted = order.derive and not dry_run and file.path.is_file()
    return sha256_beside(file) if wanted else nullcontext()


def _plan_conversion(order: Order, source: DiskImage, target: Path | None) -> ConversionPlan | None:
    if target is None:
        return None
    return convert.plan(
        source,
        target,
        order.target_format,
        order.compression,
        transient=order.keep is None,
        options=order.conversion,
    )


def _needs_no_file(order: Order, source: DiskImage) -> bool:
    """Clusters of another size, a comparison of all bytes, and all that compresses are a file's."""
    plain = order.keep is None and order.compression == "none" and order.conversion == ConversionOptions()
    as_it_is = source.format == order.target_format
    return plain and (as_it_is or can_stream(source, order.target_format))


def _plan_uploads(
    order: Order,
    inspection: Inspection,
    conversion: ConversionPlan | None,
    disk_format: str,
    *,
    policy: str | None,
) -> tuple[UploadPlan, ...]:
    """Made before the conversion: the target has the source's virtual size and the planned format.

    `policy` is the one by which the image was judged, None where nobody did.
    """
    source = inspection.image
    image = replace(source, path=conversion.target, format=conversion.target_format) if conversion else source
    properties = glance.derive(inspection, order.properties, derive=order.derive)
    if order.derive:
        properties += glance.provenance(policy)
    return tuple(
        glance.plan_upload(
            image, cloud=name, wanted=order.wanted, properties=properties, disk_format=disk_format
        )
        for name in order.clouds
    )


def _known_size(plan: UploadPlan) -> int | None:
    """Of what will be sent; a file that is to be made, or a layout that is to be computed, has none yet."""
    if plan.streamed:
        return plan.image.virtual_size_bytes if plan.disk_format == "raw" else None
    return plan.image.file_size_bytes if plan.image.path.exists() else None


def _convert(
    plan: ConversionPlan | None, source: DiskImage, progress: Progress
) -> tuple[DiskImage, ConversionResult | None]:
    if plan is None:
        progress.stage("convert", "no file to be made")
        return source, None
    progress.stage("convert", f"{source.format} -> {plan.target_format}, compression {plan.compression}")
    if (lack := convert.lack_of_room(plan)) is not None:
        progress.stage("room", lack)
    result = convert.execute(plan, progress)
    return admit(plan.target, plan.target_format), result


def _upload(
    order: Order,
    plans: Sequence[UploadPlan],
    there: Sequence[glance.Destination],
    digest: Digest | None,
    progress: Progress,
) -> tuple[glance.Outcome, ...]:
    image, journal = plans[0].image, glance.Journal(order.journal)
    form = plans[0].disk_format if plans[0].streamed else image.format

    def origin() -> tuple[Property, ...]:
        return () if digest is None else (glance.source_sha256(digest.value()),)

    with open_payload(image, form, progress) as payload:
        return glance.upload_to_each(plans, there, payload, journal, progress, late=origin)


def _with_uploads(told: Story, uploads: tuple[glance.Outcome, ...]) -> Story:
    return replace(told, uploads=uploads, upload_plans=tuple(one.plan for one in uploads))


def _verdict(judgement: Judgement) -> str:
    failing = [finding.check for finding in judgement.findings if finding.fails_image]
    count = len(judgement.findings)
    return f"{count} checks: {'failed: ' + ', '.join(failing) if failing else 'fit for OpenStack'}"


@contextmanager
def _target(order: Order, source: DiskImage) -> Iterator[Path | None]:
    """The file to make: the one to keep, or one below TMPDIR that is gone when the block ends.

    None, and nothing is written anywhere, where the file is already what is wanted, or can be sent as that
    while it is read.
    """
    if _needs_no_file(order, source):
        yield None
    elif order.keep:
        yield order.keep
    else:
        with temporary_folder(order.source) as folder:
            yield folder / f"image.{order.target_format}"
