"""Judges one image as `imgtool check` does, whoever asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imgtool.checks import registry
from imgtool.checks.policy import Policy
from imgtool.cli import sources
from imgtool.cli.options import Source
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, FetchError, ImageUnreadableError, UnsafeImageError
from imgtool.model.boot import BootOptions
from imgtool.model.facts import GuestQuery
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.judge import judge_image, refusal
from imgtool.util.progress import Progress

if TYPE_CHECKING:
    from imgtool.diff.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Order:
    """What is done with an image."""

    source_format: str | None
    disk: str | None
    policy: Policy
    boot: BootOptions | None = None
    with_map: bool = False
    with_bill: bool = False
    """All packages are read, and the file is hashed, for a bill of materials."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """What its bytes must have; none are compared where it is empty."""
    old: "Snapshot | None" = None
    """What each image is compared with."""


def judge(image: Source, order: Order, progress: Progress) -> tuple[ImageResult, int]:
    """What was found, and the exit status that it stands for."""
    policy = order.policy
    try:
        with (
            sources.found(image, order.hashes or None, progress, source_format=order.source_format) as found,
            incoming(
                found.path, order.source_format, progress, may_stream=False, disk=order.disk
            ) as admitted,
        ):
            inspection = inspect_image(
                admitted,
                progress,
                _query(order),
                with_map=order.with_map,
                with_hash=order.with_bill,
            )
            result = judge_image(_compared(str(image), inspection, order), policy, progress, order.boot)
    except (UnsafeImageError, ImageUnreadableError, FetchError) as error:
        return refusal(str(image), error, policy), error.exit_status
    passed = result.judgement is not None and result.judgement.passed
    return result, EXIT_OK if passed else EXIT_CHECK_FAILED


def _query(order: Order) -> GuestQuery:
    """What the checks need, the reports, and the comparison."""
    if order.old is None:
        return replace(registry.guest_query(order.policy), packages=order.with_bill)
    from imgtool.diff import sides  # noqa: PLC0415 - loaded only where it is needed

    return sides.query(order.policy)


def _compared(name: str, inspection: Inspection, order: Order) -> Inspection:
    """The inspection with what differs from the image before."""
    if order.old is None:
        return inspection
    from imgtool.diff import compare, sides  # noqa: PLC0415 - loaded only where it is needed

    found = compare.difference(order.old, sides.snapshot_of(name, inspection, order.policy))
    return replace(inspection, difference=found)
