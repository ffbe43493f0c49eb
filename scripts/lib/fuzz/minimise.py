"""Makes a find smaller: fewer edits, shorter ones, for as long as it stays the same find."""

import time
from collections.abc import Iterator

from fuzz.model import Case, Edit, Find, Target
from fuzz.run import run_case

_MAX_RUNS = 150
_MAX_SECONDS = 90.0
"""One that is slow takes this long a few times only."""


def minimised(target: Target, find: Find) -> Find:
    """The smallest case found in _MAX_RUNS that does the same."""
    best, runs, until = find, 0, time.monotonic() + _MAX_SECONDS
    progress = True
    while progress and runs < _MAX_RUNS and time.monotonic() < until:
        progress = False
        for case in _smaller(best.case):
            runs += 1
            found = run_case(target, case)
            if isinstance(found, Find) and found.where == find.where:
                best, progress = found, True
                break
            if runs >= _MAX_RUNS or time.monotonic() > until:
                break
    return best


def _smaller(case: Case) -> Iterator[Case]:
    edits = case.edits
    for index in range(len(edits)):
        yield Case(case.seed, edits[:index] + edits[index + 1 :])
    for index, edit in enumerate(edits):
        for shorter in _shorter(edit):
            yield Case(case.seed, (*edits[:index], shorter, *edits[index + 1 :]))


def _shorter(edit: Edit) -> Iterator[Edit]:
    """The first half or the second, of what is as long as before; else less of what is put in."""
    half = len(edit.data) // 2
    if not half or edit.length is None:
        return
    if edit.length == len(edit.data):
        yield Edit(edit.offset, half, edit.data[:half])
        yield Edit(edit.offset + half, len(edit.data) - half, edit.data[half:])
    else:
        yield Edit(edit.offset, edit.length, edit.data[:half])
