"""imgtool from Python: five functions that do what the commands of the same names do, with typed results.

They are what `from imgtool import inspect, check, convert, upload, prepare` gives. They print nothing and
raise subclasses of ImgtoolError; docs/python-api.md has examples. Images are files: what a URL names is
fetched by the command line.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, get_args

from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.convert import convert as conversion
from imgtool.disk.open_source import incoming
from imgtool.errors import UsageError
from imgtool.fix.on_the_way import repairing
from imgtool.formats.claims import format_to_make, without_endings
from imgtool.model.choice import CheckChoice
from imgtool.model.conversion import Compression, ConversionOptions, ConversionResult
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.fix import FixOptions
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.model.source import SourceHash
from imgtool.model.validation import require_valid
from imgtool.model.verdict import Judgement
from imgtool.pipeline import prepare as pipeline
from imgtool.pipeline.failures import failed
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.request import PrepareRequest
from imgtool.policy.choice import with_choice
from imgtool.policy.load import load_policy
from imgtool.util import state_folder
from imgtool.util.progress import NullProgress, Progress
from imgtool.util.text import printable

Source = str | os.PathLike[str]
Clouds = str | Sequence[str] | None
"""NAME or NAME/REGION of clouds.yaml, or several; None is the cloud of the OS_* variables."""

_NOBODY = NullProgress()
_USUAL = ConversionOptions()


def inspect(
    image: Source, *, source_format: str | None = None, disk: str | None = None, progress: Progress = _NOBODY
) -> Inspection:
    """Return what `image` is and what is inside.

    `source_format` refuses another format, `disk` names one of an OVA's. Raises ImageUnreadableError and
    UnsafeImageError.
    """
    with _opened(image, source_format, disk, progress) as admitted:
        return inspect_image(admitted, progress)


def check(
    image: Source,
    *,
    policy: str | Policy = OPENSTACK,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    source_format: str | None = None,
    disk: str | None = None,
    progress: Progress = _NOBODY,
) -> Judgement:
    """Return the verdict on `image`: `passed`, and the `findings` of all checks.

    `policy` is a profile's name, the path of a policy file, or what `load_policy` made of one; only the
    checks in `select` run, and none in `ignore`. Raises UsageError for a policy or a check that there is
    not, ImageUnreadableError and UnsafeImageError.
    """
    applied = _policy(policy, select, ignore)
    with _opened(image, source_format, disk, progress) as admitted:
        return registry.judge(inspect_image(admitted, progress, registry.guest_query(applied)), applied)


def convert(
    source: Source,
    target: Source,
    *,
    target_format: Literal["raw", "qcow2"] | None = None,
    compression: Compression = "none",
    overwrite: bool = False,
    options: ConversionOptions = _USUAL,
    source_format: str | None = None,
    disk: str | None = None,
    progress: Progress = _NOBODY,
) -> ConversionResult:
    """Convert `source` to the file `target`, which appears when it is complete and verified.

    Without `target_format` the ending of `target` decides, as in `imgtool convert`. Raises UsageError,
    ImageUnreadableError, UnsafeImageError, ConversionError, VerificationError, and what concerns qemu-img.
    """
    path = Path(target).absolute()
    made = format_to_make(path.name, target_format)
    with incoming(
        Path(source),
        source_format,
        progress,
        may_stream=options.verify != "full",
        force_share=False,
        disk=disk,
    ) as image:
        plan = conversion.plan(image, path, made, compression, overwrite=overwrite, options=options)
        return conversion.execute(plan, progress)


def upload(
    image: Source,
    *,
    clouds: Clouds = None,
    name: str | None = None,
    wanted: GlanceTarget | None = None,
    properties: Mapping[str, str] | None = None,
    source_hash: SourceHash = "sha256",
    source_format: str | None = None,
    dry_run: bool = False,
    progress: Progress = _NOBODY,
) -> ImageResult:
    """Upload `image` as it is, with properties that say what is inside, and verify what arrived.

    `wanted` says more than `name` of what it is to be in Glance; `properties` go over those that are
    derived; `source_hash` is the hash of the source that is noted among them. The result has `uploads`, one
    for each cloud, or with `dry_run` `upload_plans` only. Raises CloudError or VerificationError where the
    only cloud did not get it; of several, `uploads` tells.
    """
    request = PrepareRequest(
        source=Path(image),
        clouds=_clouds(clouds),
        wanted=_wanted(image, name, wanted),
        journal=state_folder.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        properties=properties or {},
        source_hash=_source_hash(source_hash),
    )
    return _delivered(pipeline.upload(request, progress, dry_run=dry_run))


def prepare(
    source: Source,
    *,
    clouds: Clouds = None,
    name: str | None = None,
    wanted: GlanceTarget | None = None,
    policy: str | Policy = OPENSTACK,
    target_format: Literal["auto", "raw", "qcow2"] = "auto",
    compression: Compression = "none",
    options: ConversionOptions = _USUAL,
    properties: Mapping[str, str] | None = None,
    source_hash: SourceHash = "sha256",
    source_format: str | None = None,
    disk: str | None = None,
    fix: FixOptions | None = None,
    dry_run: bool = False,
    progress: Progress = _NOBODY,
) -> ImageResult:
    """Inspect, check, with `fix` repair, convert, upload and verify one image.

    Where `fit` of the result is false, nothing was sent; else it is as `upload` gives it. With
    "auto" the cloud decides the format, as with `imgtool prepare -O auto`. Raises what `check`, `convert`
    and `upload` raise.
    """
    open_format = target_format == "auto" and compression == "none" and options == _USUAL
    request = PrepareRequest(
        source=Path(source),
        clouds=_clouds(clouds),
        wanted=_wanted(source, name, wanted),
        journal=state_folder.uploads_folder(dry_run=dry_run),
        source_format=source_format,
        disk=disk,
        target_format="qcow2" if target_format == "auto" else target_format,
        choose_format=open_format,
        compression=compression,
        conversion=options,
        properties=properties or {},
        source_hash=_source_hash(source_hash),
        policy=_policy(policy, (), ()),
        repair=repairing(fix, None, boots_in_cloud=False),
    )
    return _delivered(pipeline.prepare(request, progress, dry_run=dry_run))


def _opened(
    image: Source, source_format: str | None, disk: str | None, progress: Progress
) -> AbstractContextManager[DiskImage]:
    return incoming(Path(image), source_format, progress, may_stream=False, disk=disk)


def _policy(policy: str | Policy, select: Sequence[str], ignore: Sequence[str]) -> Policy:
    chosen = policy if isinstance(policy, Policy) else load_policy(policy)
    named = [tuple(registry.named_check(name).name for name in names) for names in (select, ignore)]
    return with_choice(chosen, CheckChoice(*named))


def _clouds(named: Clouds) -> tuple[CloudName, ...]:
    """Raise UsageError for what is not NAME or NAME/REGION."""
    if named is None:
        return (CloudName(os.environ.get("OS_CLOUD") or None),)
    try:
        return tuple(map(CloudName.parse, [named] if isinstance(named, str) else named))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _source_hash(name: SourceHash) -> SourceHash:
    """Raise UsageError for one that there is not: it would come out after the upload only."""
    known = get_args(SourceHash)
    if name not in known:
        raise UsageError(
            f"there is no source_hash {printable(name)!r}", hint=f"use one of {', '.join(known)}"
        )
    return name


def _wanted(source: Source, name: str | None, wanted: GlanceTarget | None) -> GlanceTarget:
    """Return what is wanted; without a name the file's, as the command line does."""
    if wanted is not None and name is not None:
        raise UsageError("`name` and `wanted` exclude each other", hint="the name is wanted.name")
    target = wanted or GlanceTarget(name or without_endings(Path(source).name))
    require_valid(target, {})
    return target


def _delivered(result: ImageResult) -> ImageResult:
    """Raise the error of an only cloud."""
    error = failed(result)
    if error is not None and len(result.uploads) == 1:
        raise error
    return result
