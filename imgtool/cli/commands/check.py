"""`imgtool check IMAGE...`: judges images; the exit status is the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import click

from imgtool.checks import registry
from imgtool.checks.policy import Policy
from imgtool.cli import baselines, boot_options, console, options, policies, sources
from imgtool.cli import reports as report_files
from imgtool.cli.bars import TerminalProgress, When
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, FetchError, ImageUnreadableError, UnsafeImageError
from imgtool.model.boot import BootOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.result import ImageResult
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.judge import judge_image, refusal
from imgtool.report.as_text import result as as_text
from imgtool.util.progress import Progress


@click.command("check", cls=options.OptionalValueCommand)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=options.source)
@options.source_format
@options.disk
@policies.option
@policies.choice
@baselines.option
@boot_options.boot
@report_files.option
@options.output
@options.progress
@options.logging
def command(
    images: Sequence[options.Source],
    source_format: str | None,
    disk: str | None,
    policy: str,
    choice: CheckChoice,
    baseline: baselines.BaselineFile | None,
    boot: BootOptions | None,
    reports: Sequence[report_files.ReportRequest],
    output: str,
    progress: When,
) -> int:
    """Judge each IMAGE, a file or a URL: will it boot, answer and behave on OpenStack?

    With --boot an image that passes is started as well, a throwaway copy of it.
    Exit status 0 when all pass, 1 when a check failed, 3 when an image is unreadable or unsafe.
    `imgtool explain` lists the checks.
    """
    report_files.check_paths(reports)
    applied = policies.chosen(policy, choice)
    watched = TerminalProgress(progress, stages=boot is not None)
    with_map = report_files.need_disk_map(reports)
    order = _Order(source_format, disk, applied, boot, with_map, report_files.need_bill(reports))
    judged = baselines.applied(baseline, [_judge(image, order, watched) for image in images])
    results = [result for result, _ in judged]
    report_files.write(reports, results)
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        console.show(as_json.to_text(as_json.results(results)))
    else:
        console.show("\n\n".join(as_text.checked(one, console.paint) for one in results))
    return max(status for _, status in judged)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is done with each image."""

    source_format: str | None
    disk: str | None
    policy: Policy
    boot: BootOptions | None
    with_map: bool
    with_bill: bool


def _judge(image: options.Source, order: _Order, progress: Progress) -> tuple[ImageResult, int]:
    """What was found, and the exit status that it stands for."""
    policy = order.policy
    try:
        with (
            sources.found(image, None, progress, source_format=order.source_format) as found,
            incoming(
                found.path, order.source_format, progress, may_stream=False, disk=order.disk
            ) as admitted,
        ):
            inspection = inspect_image(
                admitted,
                progress,
                replace(registry.guest_query(policy), packages=order.with_bill),
                with_map=order.with_map,
                with_hash=order.with_bill,
            )
            result = judge_image(inspection, policy, progress, order.boot)
    except (UnsafeImageError, ImageUnreadableError, FetchError) as error:
        return refusal(str(image), error, policy), error.exit_status
    passed = result.judgement is not None and result.judgement.passed
    return result, EXIT_OK if passed else EXIT_CHECK_FAILED
