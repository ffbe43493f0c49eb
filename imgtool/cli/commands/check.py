"""`imgtool check IMAGE...`: judges images; the exit status is the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import click

from imgtool.cli import baselines, boot_options, compared, console, options, policies, side_by_side
from imgtool.cli import reports as report_files
from imgtool.cli.bars import When, watch
from imgtool.cli.baselines import Judged
from imgtool.cli.judging import Order, judge
from imgtool.disk.open_source import STREAM
from imgtool.errors import EXIT_OK, UsageError
from imgtool.model.boot import BootOptions
from imgtool.model.choice import CheckChoice
from imgtool.report.as_text import result as as_text
from imgtool.report.as_text.verdict import Detail, totals
from imgtool.util.progress import Progress


@click.command("check", cls=options.OptionalValueCommand)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=options.source)
@options.source_format
@options.disk
@policies.option
@policies.choice
@compared.against
@baselines.option
@boot_options.boot
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="With several images: how many to judge at once. Default: one for each core; one with --boot.",
)
@report_files.option
@options.quiet
@options.output
@options.progress
@options.logging
def command(
    images: Sequence[options.Source],
    source_format: str | None,
    disk: str | None,
    policy: str,
    choice: CheckChoice,
    against: options.Source | None,
    baseline: baselines.BaselineFile | None,
    boot: BootOptions | None,
    jobs: int | None,
    reports: Sequence[report_files.ReportRequest],
    quiet: bool,
    output: str,
    progress: When,
) -> int:
    """Judge each IMAGE, a file or a URL: will it boot, answer and behave on OpenStack?

    Shown is what needs attention, and one line of verdict for each image as soon as it is judged; with -v
    all checks, with -q the verdicts alone. With --boot an image that passes is started as well, a throwaway
    copy of it. Exit status 0 when all pass, 1 when a check failed, 3 when an image is unreadable or unsafe.
    `imgtool explain` lists the checks.
    """
    report_files.check_paths(reports)
    applied = policies.chosen(policy, choice)
    watched = watch("never" if quiet else progress, stages=boot is not None)
    with_map, with_bill = report_files.need_disk_map(reports), report_files.need_bill(reports)
    old = None if against is None else compared.held_fast(against, applied, watched)
    order = Order(source_format, disk, applied, boot, with_map, with_bill, old=old)
    screen = _Screen(images, options.detail(quiet=quiet), shown=output == "text")
    done: dict[int, Judged] = {}
    for position, one in _judged(images, order, watched, jobs):
        done[position] = one
        screen.show(position, baselines.applied_to(baseline, one))
    judged = baselines.applied(baseline, [done[position] for position in range(len(images))])
    results = [result for result, _ in judged]
    report_files.write(reports, results)
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - loaded only where it is needed

        console.show(as_json.to_text(as_json.results(results)))
    else:
        screen.end()
    return max(status for _, status in judged)


@dataclass(slots=True)
class _Screen:
    """What a person sees: a block or a line for each image, in the order in which they are judged."""

    images: Sequence[options.Source]
    detail: Detail
    shown: bool
    verdicts: list[bool] = field(default_factory=list)
    _was_line: bool = True
    """The last one was a line alone, after which another may stand without a blank line between them."""

    def show(self, position: int, judged: Judged) -> None:
        """One image, called as the user called it."""
        result, status = judged
        name = console.renamed(str(self.images[position]))
        text = as_text.checked(result, console.paint, detail=self.detail, name=name)
        if self.shown:
            is_line = "\n" not in text
            together = not self.verdicts or (is_line and self._was_line)
            console.tell(text if together else f"\n{text}")
            self._was_line = is_line
        self.verdicts.append(status == EXIT_OK)

    def end(self) -> None:
        """The totals of several images."""
        if len(self.verdicts) > 1:
            console.tell(f"\n{totals(self.verdicts, console.paint)}")


def _judged(
    images: Sequence[options.Source], order: Order, progress: Progress, jobs: int | None
) -> Iterator[tuple[int, Judged]]:
    """Each image's position and result, as soon as it is judged. Raises UsageError."""
    if order.boot is not None and (jobs or 1) > 1:
        raise UsageError("--jobs cannot be used with --boot", hint="leave --jobs out: they boot one by one")
    alone = order.boot is not None or STREAM in images
    at_once = 1 if alone else jobs or side_by_side.cores()
    yield from side_by_side.completed(lambda one: judge(one, order, progress), images, at_once)
