r"""Nothing that the policy holds fast differs from the image before.

What it checks
    What `imgtool check --against OLD` finds to differ between OLD and the image, of the kinds that `kinds` of
    the policy names, e.g. `[users, privileged, "sudoers:added", agent]`. A name alone stands for any change
    of that kind; behind a colon stands the only one that counts: added, removed, up, down or changed. The
    kinds are those that `imgtool diff` tells. Skipped without --against, and where the policy names none.

Why it matters
    A golden image is built anew each week. A user, a file with setuid, a rule of sudo or an open port that
    came with the last build should be seen by a person before a thousand servers have it.

How to fix
    Look at all that differs, and decide:
        imgtool diff OLD IMAGE
    Where the change is meant, take the new image for OLD from now on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, get_args

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, skipped, unknown
from imgtool.model.difference import KINDS, Change, Difference, How, KindDifference
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity

SHOWN = 10
"""Changes that a finding names; it says how many there are."""


def held(text: str) -> str:
    """A kind, or a kind and how it may not change."""
    kind, colon, how = text.partition(":")
    if kind not in KINDS:
        raise ValueError(f"{text!r} is no kind; the kinds are {', '.join(KINDS)}")
    if colon and how not in get_args(How):
        raise ValueError(f"{text!r}: behind the colon stands one of {', '.join(get_args(How))}")
    return text


@dataclass(frozen=True, slots=True)
class Unchanged(Parameters):
    """What a policy can set."""

    kinds: tuple[Annotated[str, held], ...] = ()
    """What may not change."""


def examine(inspection: Inspection, parameters: Unchanged) -> Verdict:
    """Nothing of these kinds differs; unknown where one could not be compared."""
    if inspection.difference is None:
        return skipped("there is no image to compare with: --against OLD names one")
    return _judge(inspection.difference, parameters.kinds)


def _judge(difference: Difference, kinds: tuple[str, ...]) -> Verdict:
    wanted = {kind.partition(":")[0] for kind in kinds}
    compared = [one for one in difference.kinds if one.kind in wanted]
    found = [f"{one.kind}: {_shown(change)}" for one in compared for change in _counting(one, kinds)]
    if found:
        more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return failed(
            f"{len(found)} change{'' if len(found) == 1 else 's'} that the policy does not allow",
            "; ".join(found[:SHOWN]) + more,
            "look at all that differs with `imgtool diff OLD IMAGE`, and decide",
        )
    problems = [f"{one.kind}: {one.unknown or one.absent}" for one in compared if one.unknown or one.absent]
    missing = sorted(wanted.difference(one.kind for one in compared))
    problems += [f"{kind}: it was not compared" for kind in missing]
    if problems:
        return unknown("; ".join(problems))
    return passed(f"nothing differs from {difference.old} of {', '.join(sorted(wanted))}")


def _counting(one: KindDifference, kinds: tuple[str, ...]) -> Iterator[Change]:
    """The changes that the policy names."""
    for change in one.changes:
        if one.kind in kinds or f"{one.kind}:{change.how}" in kinds:
            yield change


def _shown(change: Change) -> str:
    told = f" ({change.new or change.old})" if change.how in {"added", "removed"} else ""
    if change.how in {"added", "removed"}:
        return f"{change.name} was {change.how}{told if told != ' ()' else ''}"
    return f"{change.name} changed from {change.old} to {change.new}"


CHECK = Check("unchanged", Severity.ERROR, examine, Unchanged(), on_request=True)
