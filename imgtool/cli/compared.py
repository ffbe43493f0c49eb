"""Images that are compared: what the user named, as a snapshot."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgtool.checks.policy import Policy
from imgtool.cli import options, sources
from imgtool.disk.open_source import incoming
from imgtool.errors import UsageError
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.progress import Progress

if TYPE_CHECKING:
    from imgtool.diff.snapshot import Snapshot


def _absolute(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, each once. Raises click.BadParameter for one that does not begin at the top."""
    for value in values:
        if not value.startswith("/"):
            raise click.BadParameter(f"{value!r} is no absolute path in the guest; /etc and /usr/bin are")
    return tuple(dict.fromkeys(values))


trees: Callable[[Callable[..., object]], Callable[..., object]] = click.option(
    "--files",
    "trees",
    multiple=True,
    metavar="DIR",
    callback=_absolute,
    help="Also tell owner, mode and SHA-256 of all files below this directory of the guest. Repeatable.",
)


def snapshot(source: options.Source, policy: Policy, wanted: Sequence[str], progress: Progress) -> "Snapshot":
    """The snapshot of an image, a file or a URL, or of a document that was saved.

    Raises what the gate and `sources.found` raise, and ImageUnreadableError where it is another document.
    """
    from imgtool.diff import saved, sides  # noqa: PLC0415 - loaded only where it is needed

    document = saved.saved_snapshot(source) if isinstance(source, Path) else None
    if document is not None:
        return document
    with (
        sources.found(source, None, progress, source_format=None) as found,
        incoming(found.path, None, progress, may_stream=False) as admitted,
    ):
        facts = inspect_image(admitted, progress, sides.query(policy, wanted))
    return sides.snapshot_of(str(source), facts, policy)


against = click.option(
    "--against",
    type=options.source,
    metavar="OLD",
    help="Compare each image with this one, or with a saved inspection or bill of it, by what the policy's"
    " check `unchanged` holds fast.",
)


def held_fast(source: options.Source, policy: Policy, progress: Progress) -> "Snapshot":
    """The image before, for `imgtool check`.

    Raises UsageError where the policy holds nothing fast, since nothing would be judged; and what `snapshot`
    raises.
    """
    from imgtool.checks import registry  # noqa: PLC0415 - loaded only where it is needed

    check = registry.named_check("unchanged")
    rule = policy.rule(check)
    if rule.off or rule.is_idle(check):
        raise UsageError(
            f"--against: policy {policy.name} does not say what may not change",
            hint="set checks.unchanged.kinds in a policy file, or see all that differs with imgtool diff",
        )
    return snapshot(source, policy, (), progress)
