"""prepare: one image from file to Glance, top to bottom; and upload, which leaves the image as it is."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from imgtool import glance, sandbox
from imgtool.checks import registry
from imgtool.convert import convert
from imgtool.convert.digest import Digest, background_digest
from imgtool.convert.payload import open_payload
from imgtool.disk.access import as_raw
from imgtool.disk.open_source import incoming
from imgtool.errors import UnsafeImageError, UsageError
from imgtool.formats import acceptance
from imgtool.formats.gate import admit, refuse_writers
from imgtool.model.boot import BootOptions
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.delivery import Property, UploadPlan, UploadResult
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.nova_properties import require_known
from imgtool.model.result import ImageResult
from imgtool.pipeline.format import settled
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.judge import judge_image, with_cloud_boots
from imgtool.pipeline.request import PrepareRequest
from imgtool.pipeline.route import chosen_way
from imgtool.util import log
from imgtool.util.progress import Progress
from imgtool.util.text import human_size, printable, shell_operands

COSTLY = 2
"""Times what the file takes, from which the size of a raw image is told before it is sent."""


def prepare(request: PrepareRequest, progress: Progress, *, dry_run: bool = False) -> ImageResult:
    """Inspect, check, convert, upload, verify. What a check fails goes nowhere; nothing is left behind."""
    sandbox.start()  # before anything secret is in memory
    _refuse_odd_properties(request)
    there = () if dry_run else _connect(request, progress)
    with _found(request, progress) as found, _incoming(found, progress) as source:
        return _prepare(settled(found, source, there, progress), source, there, progress, dry_run=dry_run)


@contextmanager
def _found(request: PrepareRequest, progress: Progress) -> Iterator[PrepareRequest]:
    """The request for the file that the source is."""
    if request.find is None:
        yield request
        return
    with request.find(progress) as file:
        yield replace(request, source=file.path, admitted=file.admitted)


def _prepare(
    request: PrepareRequest,
    source: DiskImage,
    there: tuple[glance.Destination, ...],
    progress: Progress,
    *,
    dry_run: bool,
) -> ImageResult:
    """The rest, once the format is settled."""
    _refuse_unusable(request, source, request.target_format)
    with (
        _digest(request, source, dry_run=dry_run) as digest,
        _examined(request, source, progress, dry_run=dry_run) as result,
    ):
        inspection = result.inspection
        if inspection is None or not result.fit:
            return result
        return _delivered(request, result, inspection, there, digest, progress, dry_run=dry_run)


@contextmanager
def _examined(
    request: PrepareRequest, source: DiskImage, progress: Progress, *, dry_run: bool
) -> Iterator[ImageResult]:
    """The verdict on what is delivered: the source, or a repaired copy, there as long as the block lasts."""

    def judge(image: DiskImage, boot: BootOptions | None) -> ImageResult:
        inspection = inspect_image(
            image,
            progress,
            _query(request, registry.guest_query(request.policy)),
            with_map=request.with_map,
            with_hash=request.with_bill and image is source,
        )
        inspection = replace(inspection, delivered_as=request.target_format)
        return judge_image(inspection, request.policy, progress, boot)

    if request.repair is None:
        yield judge(source, request.boot)
        return
    with request.repair(judge(source, None), judge, progress, dry_run=dry_run) as result:
        yield result


def _delivered(  # noqa: PLR0913, PLR0917 - each is another thing
    request: PrepareRequest,
    result: ImageResult,
    inspection: Inspection,
    there: tuple[glance.Destination, ...],
    digest: Digest | None,
    progress: Progress,
    *,
    dry_run: bool,
) -> ImageResult:
    """Convert and upload what was found fit, or plan that; then start servers from it."""
    source = inspection.image
    with chosen_way(request, source) as way:
        conversion_plan = way.conversion(request, source)
        plans = _plan_uploads(
            request,
            replace(inspection, image=_planned(source, conversion_plan)),
            request.target_format,
            streamed=way.route == "streamed",
            policy=request.policy.name,
            repaired=result.fix.plan.wanted if result.fix is not None else (),
        )
        _tell_cost(plans[0], source, progress)
        if conversion_plan is not None:
            conversion_plan = convert.sparsified(conversion_plan, progress)
        left_out = _left_out(request, source, conversion_plan, progress)
        result = replace(result, conversion_plan=conversion_plan, upload_plans=plans, left_out=left_out)
        if dry_run:
            return result
        there = glance.check_each(
            plans,
            there,
            plans[0].known_size_bytes,
            glance.Journal(request.journal),
            progress,
            insist=request.insist,
        )
        image, conversion = _convert(conversion_plan, source, progress)
        result = replace(result, conversion=conversion)
        plans = tuple(replace(plan, image=image) for plan in plans)
        result = _with_uploads(result, _upload(request, plans, there, digest, progress, left_out))
    return with_cloud_boots(result, _boot_there(request, result, there, progress), request.policy)


def _boot_there(
    request: PrepareRequest,
    result: ImageResult,
    there: Sequence[glance.Destination],
    progress: Progress,
) -> tuple[CloudBoot, ...]:
    """Start a server in each cloud that has the image now, where that is asked for."""
    if request.cloud_boot is None:
        return ()
    from imgtool.compute.boot import tried_in_cloud  # noqa: PLC0415 - loaded only where it is needed

    return tuple(
        tried_in_cloud(place.cloud, one, request.cloud_boot, request.journal, progress)
        for one, place in zip(result.uploads, there, strict=True)
        if isinstance(one, UploadResult) and place.cloud is not None
    )


def upload(request: PrepareRequest, progress: Progress, *, dry_run: bool = False) -> ImageResult:
    """Inspect, upload as it is, verify; or let Glance fetch it, which nobody inspects."""
    with log.about(str(request.source)):
        if request.web is not None:
            from imgtool.pipeline.from_web import deliver  # noqa: PLC0415 - loaded only where it is needed

            _refuse_odd_properties(request)
            return deliver(request, request.web, progress, dry_run=dry_run)
        return _upload_as_it_is(request, progress, dry_run=dry_run)


def _upload_as_it_is(request: PrepareRequest, progress: Progress, *, dry_run: bool) -> ImageResult:
    _refuse_odd_properties(request)
    there = () if dry_run or request.find is None else _connect(request, progress)
    with _found(request, progress) as found:
        return _upload_file(found, there, progress, dry_run=dry_run)


def _upload_file(
    request: PrepareRequest, there: tuple[glance.Destination, ...], progress: Progress, *, dry_run: bool
) -> ImageResult:
    image = request.admitted or admit(request.source, request.source_format)
    if image.container is not None and image.container.kind == "ova":
        raise _as_ova(image)
    if not request.force_share:
        refuse_writers(image)
    if image.snapshots and not request.allow_snapshots:
        raise _with_snapshots(image)
    disk_format = "iso" if image.is_iso else image.format
    _refuse_unusable(request, image, disk_format)
    there = there if there or dry_run else _connect(request, progress)
    with _digest(request, image, dry_run=dry_run) as digest:
        inspection = inspect_image(image, progress, _query(request, NO_EXTRAS))
        plans = _plan_uploads(request, inspection, disk_format)
        result = ImageResult(inspection=inspection, upload_plans=plans)
        if dry_run:
            return result
        journal = glance.Journal(request.journal)
        there = glance.check_each(
            plans, there, image.file_size_bytes, journal, progress, insist=request.insist
        )
        return _with_uploads(result, _upload(request, plans, there, digest, progress))


def _query(request: PrepareRequest, query: GuestQuery) -> GuestQuery:
    """What the wanted metadata and reports take from the guest, besides what is asked for anyway."""
    return replace(query, dates=request.wanted.metadata is not None, packages=request.with_bill)


def _as_ova(image: DiskImage) -> UsageError:
    """Glance would keep it (container_format ova), and Nova could not boot it."""
    path = image.origin.path
    return UsageError(
        f"{printable(str(path))}: it is an OVA, which Nova cannot boot: it is not uploaded as it is",
        hint=f"upload the disk in it: imgtool prepare {shell_operands([str(path)]) or 'SOURCE'}",
    )


def _with_snapshots(image: DiskImage) -> UnsafeImageError:
    """Who downloads it gets what was deleted from the disk since. A conversion leaves them out."""
    return UnsafeImageError(
        f"{printable(str(image.path))}: it holds {image.snapshots} internal snapshot(s) of older states",
        hint="delete them: qemu-img snapshot -d NAME IMAGE; or, if they are to be there, --allow-snapshots",
    )


def _refuse_odd_properties(request: PrepareRequest) -> None:
    """Raise UsageError for those that Nova ignores or refuses: Glance takes them without a word."""
    if request.wanted.keep_last is not None and not request.derive:
        raise UsageError(
            "older versions are known by the property imgtool_version, which is not set without deriving",
            hint="leave out --no-derive (derive: false in a manifest), or --keep-last",
        )
    if not request.insist:
        require_known(request.properties, f"; {acceptance.INSIST} sets it all the same")


def _refuse_unusable(request: PrepareRequest, image: DiskImage, disk_format: str) -> None:
    """Raise UsageError where OpenStack cannot use the image so: it would tell with the first server only."""
    if request.insist:
        return
    found = acceptance.refusal(as_raw(image) if disk_format == "raw" else image, disk_format)
    if found is not None:
        hint = f"{found.hint}; {acceptance.INSIST} delivers it so all the same"
        raise UsageError(f"{printable(str(image.origin.path))}: {found.message}", hint=hint)


def _incoming(request: PrepareRequest, progress: Progress) -> AbstractContextManager[DiskImage]:
    """Open the source. What is compressed or comes by a pipe is kept as a file while it is inspected."""
    return incoming(
        request.source,
        request.source_format,
        progress,
        may_stream=False,
        force_share=request.force_share,
        admitted=request.admitted,
        disk=request.disk,
    )


def _connect(request: PrepareRequest, progress: Progress) -> tuple[glance.Destination, ...]:
    """First of all: a wrong password should not be found out after an hour of conversion."""
    return glance.connect_each(request.clouds, request.timeout_seconds, progress)


def _digest(
    request: PrepareRequest, source: DiskImage, *, dry_run: bool
) -> AbstractContextManager[Digest | None]:
    """Hash the file that the user named; what came by a pipe has no file to compare with.

    It begins at once, and is needed last of all: a core is free for it while the image is inspected.
    """
    file = source.unpacked_from or source
    noted = request.derive and request.source_hash != "none"
    wanted = noted and not dry_run and file.path.is_file()
    return background_digest(file, (request.source_hash,)) if wanted else nullcontext()


def _plan_uploads(  # noqa: PLR0913 - what is known of the image, named one by one
    request: PrepareRequest,
    inspection: Inspection,
    disk_format: str,
    *,
    streamed: bool = False,
    policy: str | None = None,
    repaired: Sequence[str] = (),
) -> tuple[UploadPlan, ...]:
    """One for each cloud. `inspection.image` is what will be sent, or what is known of it before it is made.

    `policy` is the one by which the image was judged, None where it was not judged; `repaired` are the
    checks that it passes only since it was repaired.
    """
    properties = glance.derive(inspection, request.properties, derive=request.derive)
    if request.wanted.metadata is not None:
        properties = glance.described(
            properties,
            inspection.guest.linux,
            request.wanted,
            request.source_url,
            derive=request.derive,
            insist=request.insist,
        )
    if request.derive:
        properties += glance.provenance(policy, repaired)
    return tuple(
        replace(
            glance.plan_upload(
                inspection.image,
                cloud=name,
                wanted=request.wanted,
                properties=properties,
                disk_format=disk_format,
            ),
            streamed=streamed,
            format_reason=request.format_reason,
        )
        for name in request.clouds
    )


def _planned(source: DiskImage, conversion: ConversionPlan | None) -> DiskImage:
    """What will be sent: there is no file of it yet where there is a conversion."""
    if conversion is None:
        return source
    return replace(source, path=conversion.target, format=conversion.target_format, handle=None)


def _tell_cost(plan: UploadPlan, source: DiskImage, progress: Progress) -> None:
    """A raw image travels, and is hashed by Glance, with all its zeros: that may surprise."""
    sent, kept = source.virtual_size_bytes, source.origin.allocated_bytes
    if plan.disk_format == "raw" and sent > COSTLY * kept:
        progress.stage(
            "cost",
            f"{human_size(sent)} will be sent for {human_size(kept)} on this disk; where Glance converts,"
            " --method import of a compressed qcow2 sends that little",
        )


def _convert(
    plan: ConversionPlan | None, source: DiskImage, progress: Progress
) -> tuple[DiskImage, ConversionResult | None]:
    if plan is None:
        progress.stage("convert", "no file to be made")
        return source, None
    progress.stage("convert", f"{source.format} -> {plan.target_format}, compression {plan.compression}")
    if (lack := convert.lack_of_room(plan)) is not None:
        progress.stage("room", lack)
    converted = convert.execute(plan, progress)
    return converted.image or source, converted


def _left_out(
    request: PrepareRequest, source: DiskImage, plan: ConversionPlan | None, progress: Progress
) -> FreeBlocks | None:
    """What is not sent of a disk that no file is made of; None where all is."""
    if plan is not None or not request.conversion.sparsify:
        return None
    from imgtool.convert.free_blocks import read_free_blocks  # noqa: PLC0415 - loaded only where it is needed

    return read_free_blocks(source, progress)


def _upload(  # noqa: PLR0913, PLR0917 - each is another thing
    request: PrepareRequest,
    plans: Sequence[UploadPlan],
    there: Sequence[glance.Destination],
    digest: Digest | None,
    progress: Progress,
    left_out: FreeBlocks | None = None,
) -> tuple[glance.Outcome, ...]:
    image, journal = plans[0].image, glance.Journal(request.journal)

    def origin() -> tuple[Property, ...]:
        algorithm = request.source_hash
        return () if digest is None else (glance.source_hash(algorithm, digest.value(algorithm)),)

    rewrite = left_out is not None
    with open_payload(
        image, plans[0].sent_format, progress, rewrite=rewrite, free_blocks=left_out
    ) as payload:
        return glance.upload_to_each(plans, there, payload, journal, progress, late=origin)


def _with_uploads(result: ImageResult, uploads: tuple[glance.Outcome, ...]) -> ImageResult:
    return replace(result, uploads=uploads, upload_plans=tuple(one.plan for one in uploads))
