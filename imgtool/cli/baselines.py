"""`--baseline FILE` and `--write-baseline FILE`: findings that are known fail no image."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from imgtool.cli import console, options
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from imgtool.model.result import ImageResult
from imgtool.util.output import check_target, written_beside
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.policy.baseline import Baseline

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Judged = tuple[ImageResult, int]
"""A result, and the exit status that it stands for."""


@dataclass(frozen=True, slots=True)
class BaselineFile:
    """A baseline, what is in it, and whether this run writes it anew."""

    path: Path
    known: "Baseline"
    write: bool


_OPTIONS = (
    click.option(
        "--baseline",
        type=options.file,
        metavar="FILE",
        help="Fail only for findings that this file does not have; known ones are reported as known."
        " Default: every finding counts.",
    ),
    click.option(
        "--write-baseline",
        type=options.file,
        metavar="FILE",
        help="Record the findings of these images in this baseline; they count as known from now on.",
    ),
)


def option(function: Decorated) -> Decorated:
    """Gives the command `baseline`, gathered from both options: a BaselineFile or None."""

    @functools.wraps(function)
    def gathered(*, baseline: Path | None, write_baseline: Path | None, **others: Any) -> Any:
        return function(baseline=_opened(baseline, write_baseline), **others)

    return options.with_options(cast("Decorated", gathered), _OPTIONS)


def _opened(read: Path | None, write: Path | None) -> BaselineFile | None:
    if read is None and write is None:
        return None
    from imgtool.policy.baseline import read_baseline  # noqa: PLC0415 - only for who has a baseline

    if write is None:
        return BaselineFile(cast("Path", read), read_baseline(cast("Path", read)), write=False)
    if read is not None:
        raise UsageError("--baseline and --write-baseline exclude each other", hint="give one of them")
    check_target(write, overwrite=True)
    known = read_baseline(write) if write.exists() else frozenset()
    return BaselineFile(write, known, write=True)


def applied_to(file: BaselineFile | None, judged: Judged) -> Judged:
    """One result as `applied` gives it, before the others are there."""
    if file is None:
        return judged
    return _marked(replace(file, known=_current(file, [judged])) if file.write else file, *judged)


def applied(file: BaselineFile | None, judged: Sequence[Judged]) -> list[Judged]:
    """The results with their known findings marked, and the exit statuses that follow.

    A refused image stays refused: what is unsafe or unreadable is never known.
    """
    if file is None:
        return list(judged)
    current = _current(file, judged)
    if file.write:
        names = {_name(file, result) for result, _ in judged}
        file = replace(file, known=current | {one for one in file.known if one.image not in names})
        _write(file)
    else:
        _tell_of_gone(file, current, judged)
    return [_marked(file, *one) for one in judged]


def _current(file: BaselineFile, judged: Sequence[Judged]) -> "Baseline":
    from imgtool.policy.baseline import known_findings  # noqa: PLC0415 - see above

    return frozenset(
        one
        for result, status in judged
        if result.judgement is not None and not _is_refused(status)
        for one in known_findings(result.judgement, _name(file, result))
    )


def _marked(file: BaselineFile, result: ImageResult, status: int) -> Judged:
    from imgtool.policy.baseline import marked  # noqa: PLC0415 - see above

    if result.judgement is None or _is_refused(status):
        return result, status
    judgement = marked(result.judgement, file.known.__contains__, _name(file, result))
    return replace(result, judgement=judgement), EXIT_OK if judgement.passed else EXIT_CHECK_FAILED


def _tell_of_gone(file: BaselineFile, current: "Baseline", judged: Sequence[Judged]) -> None:
    """Say how many entries of these images are found no more, so that the baseline does not grow old."""
    names = {_name(file, result) for result, status in judged if not _is_refused(status)}
    gone = [one for one in file.known - current if one.image in names]
    if gone:
        count = f"{len(gone)} known finding{'s are' if len(gone) > 1 else ' is'} gone"
        console.log(f"{printable(str(file.path))}: {count}; --write-baseline records what is left")


def _is_refused(status: int) -> bool:
    return status not in {EXIT_OK, EXIT_CHECK_FAILED}


def _name(file: BaselineFile, result: ImageResult) -> str:
    from imgtool.policy.baseline import image_name  # noqa: PLC0415 - see above

    return image_name(console.renamed(result.judgement.image if result.judgement else ""), file.path)


def _write(file: BaselineFile) -> None:
    from imgtool.policy.baseline import to_text  # noqa: PLC0415 - see above

    with (
        written_beside(file.path, overwrite=True) as new,
        open(new.descriptor, "w", encoding="utf-8", closefd=False) as content,
    ):
        content.write(to_text(file.known))
