"""Starts the workers of one target, watches them, and collects what they tell."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from fuzz import limits
from fuzz.model import Case, Find, Tally, Target
from fuzz.mutate import Mutator
from fuzz.worker import Board, forked, run_one, work

_POLL_SECONDS = 0.25
MAX_KILLED = 50
"""Workers that may die before a target is given up."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much to run."""

    inputs: int
    seconds: float


def run_target(
    target: Target, amount: Amount, number: int, on_new: Callable[[str, Case], None] = lambda *_: None
) -> Tally:
    """Run `target`, chance seeded by `number`. A worker that dies is replaced, and its input is a find."""
    tally = Tally()
    until = time.monotonic() + amount.seconds
    seeds = target.seeds()
    for attempt in range(MAX_KILLED):
        left = amount.inputs - tally.inputs
        if left <= 0 or time.monotonic() > until:
            break
        mutator = Mutator(target, seeds, number + attempt * 7919)
        _one_worker(target, mutator, Amount(left, until), tally, on_new)
    return tally


def _one_worker(
    target: Target, mutator: Mutator, amount: Amount, tally: Tally, on_new: Callable[[str, Case], None]
) -> None:
    board, (ours, theirs) = Board(), Pipe(duplex=False)

    def run() -> None:
        ours.close()
        try:
            work(mutator, amount.inputs, amount.seconds, board, theirs)
        except Exception:
            traceback.print_exc(file=sys.stderr)

    child = forked(run)
    theirs.close()
    with ours:
        done = _listen(ours, child, board, tally, on_new)
    _, status = os.waitpid(child, 0)
    running = board.running()
    tally.inputs += board.count
    if not done and running is not None:
        _note(tally, _killed(target, running, status))


def _listen(
    ours: Connection, child: int, board: Board, tally: Tally, on_new: Callable[[str, Case], None]
) -> bool:
    """Until the worker is done, and True; or dead, and False."""
    while True:
        if not ours.poll(_POLL_SECONDS):
            since = board.since()
            if since is not None and time.monotonic() - since > limits.WALL_SECONDS:
                os.kill(child, signal.SIGKILL)
            continue
        try:
            message = ours.recv()
        except EOFError:
            return False
        if message[0] == "find":
            _note(tally, message[1])
        elif message[0] == "new":
            tally.outcomes += 1
            on_new(message[1], message[2])
        else:
            tally.spent = tally.spent.and_also(message[1])
            return True


def _killed(target: Target, case: Case, status: int) -> Find:
    name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "exit"
    kind = "slow" if name == "SIGKILL" else "killed"
    return Find(target.name, case, kind, f"{kind} by {name}")


def _note(tally: Tally, find: Find) -> None:
    if find.where in tally.finds:
        tally.repeated += 1
    else:
        tally.finds[find.where] = find


def run_case(target: Target, case: Case) -> str | Find:
    """One input in a process of its own, which may do what it likes."""
    mutator = Mutator(target, target.seeds(), 0)
    board, (ours, theirs) = Board(), Pipe(duplex=False)

    def run() -> None:
        limits.bind()
        theirs.send(run_one(mutator, case, board))

    child = forked(run)
    theirs.close()
    with ours:
        if not ours.poll(limits.WALL_SECONDS):
            os.kill(child, signal.SIGKILL)
        try:
            found: str | Find | None = ours.recv()
        except EOFError:
            found = None
    _, status = os.waitpid(child, 0)
    return _killed(target, case, status) if found is None else found
