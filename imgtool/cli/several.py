"""Several images in one command: `imgtool prepare A B C` is a batch whose plan the command line makes.

Each image has a process of its own, and what fails does not stop the others. The journal is beside the notes
of uploads, and goes when all went well: the same command again would find the images in the clouds.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from imgtool.cli import options
from imgtool.cli.bars import When
from imgtool.cli.options import Source
from imgtool.cli.reports import ReportRequest
from imgtool.errors import EXIT_OK, UsageError
from imgtool.fetch.urls import Url
from imgtool.model.batch import BatchOptions, Task
from imgtool.util import state_folder
from imgtool.util.text import printable

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Running:
    """How several images are run."""

    jobs: int | None = None
    journal: Path | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown and left of them."""

    output: str
    progress: When
    reports: Sequence[ReportRequest] = ()
    keep: Path | None = None
    dry_run: bool = False


_OPTIONS = (
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="With several images: how many to process at once. Default: what the machine allows.",
    ),
    click.option(
        "--journal",
        type=options.file,
        metavar="PATH",
        help="With several images: record progress here. Default: a file that goes once all are done.",
    ),
)


def running(function: Decorated) -> Decorated:
    """Gives the command `running`, gathered from its options."""

    @functools.wraps(function)
    def gathered(*, jobs: int | None, journal: Path | None, **others: Any) -> Any:
        return function(running=Running(jobs, journal), **others)

    return options.with_options(cast("Decorated", gathered), _OPTIONS)


def run(
    command: str,
    sources: Sequence[tuple[Source, Mapping[str, str]]],
    like: Task,
    running: Running,
    shown: Shown,
) -> int:
    """Do with each source, which has to have these hashes, as `like`; the exit status of `imgtool batch`."""
    from imgtool.batch.plan import Wanted, plan_sources  # noqa: PLC0415 - loaded only for several images
    from imgtool.cli import batch_run  # noqa: PLC0415 - the same

    named = [(_absolute(source), hashes) for source, hashes in sources]
    plan = plan_sources(command, named, Wanted(like, like.name, _folder(shown.keep)), Path.cwd())
    if shown.dry_run:
        return batch_run.show_plan(plan, shown.output)
    journal = running.journal or state_folder.journal_of([task.key for task in plan.tasks])
    options = BatchOptions(journal, running.jobs)
    status = batch_run.run_batch(plan, options, shown.reports, shown.output, shown.progress)
    if running.journal is None and status == EXIT_OK:
        journal.unlink(missing_ok=True)
    return status


def _absolute(source: Source) -> str:
    return source.text if isinstance(source, Url) else str(Path.cwd() / source)


def _folder(keep: Path | None) -> Path | None:
    """Return where the files of several images are kept. Raises UsageError where that is no folder."""
    if keep is not None and not keep.is_dir():
        raise UsageError(
            f"--keep {printable(str(keep))}: of several images it names a folder, and this is none",
            hint="make the folder first",
        )
    return None if keep is None else keep.absolute()
