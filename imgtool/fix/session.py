"""One run of the sealed machine: its files are made, it is started, its shell gets one line, and it ends."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from imgtool.boot import accelerator
from imgtool.boot.accelerator import machine_access
from imgtool.boot.qemu import Guest, started
from imgtool.boot.run import architecture_of
from imgtool.errors import ImageUnreadableError, ToolFailedError
from imgtool.fix import machine, packages, script
from imgtool.fix.machine import SealedMachine
from imgtool.fix.repairs import NEED_PACKAGES
from imgtool.fix.starting import Start
from imgtool.model.fix import FixOptions, Repair, RepairOutcome, SealedRun
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.process.programs import require
from imgtool.util.progress import Progress

PROMPT = re.compile(r"[#$] ?$")
TURN_SECONDS = 1.0
ASK_SECONDS = 5.0
"""How long a shell that shows a prompt may take to begin, before it is asked once more."""
OFF_SECONDS = 20.0
"""From its last word to its end by itself; by then nothing is left to be written."""
TAIL_LINES = 30


def run(
    image: DiskImage,
    guest: GuestFacts,
    repairs: Sequence[Repair],
    options: FixOptions,
    progress: Progress,
) -> SealedRun:
    """Let the guest on `image`, a raw copy that is written to, do `repairs`.

    Its other files are made beside the copy, in a folder that has nothing else: QEMU may see all of it. Where
    the guest's kernel does not come to a shell, that of this machine is taken. Raises ImageUnreadableError
    where there is nothing to start from, ToolMissingError and ToolFailedError where QEMU is missing or fails,
    UsageError for an architecture that cannot be run.
    """
    architecture = architecture_of(guest)
    emulator = require(f"qemu-system-{architecture}")
    chosen = accelerator.choose(options.accel, architecture)
    nonce = secrets.token_hex(8)
    start = Start(image, guest, architecture, chosen.accelerator, progress)
    access = machine_access(emulator, chosen.accelerator, None, folders=(image.path.parent,))

    def talk(made: SealedMachine) -> _Talk:
        made = _with_disks(made, repairs, options, nonce)
        progress.stage("fix", f"sealed machine started, by {chosen.accelerator}")

        def arguments(serial: int, _agent: int) -> Sequence[str]:
            return machine.arguments(made, serial)

        with started(emulator, arguments, access) as running:
            talking = _Talk(running, repairs, nonce, options.timeout_seconds, progress)
            talking.until_it_ends()
            return talking

    try:
        first = talk(start.by_its_own_kernel())
    except (ImageUnreadableError, ToolFailedError):  # QEMU does not take everything for a kernel
        if (other := start.by_kernel_of_this_machine()) is None:
            raise
        return talk(other).result()
    other = start.by_kernel_of_this_machine() if first.never_began else None
    return (talk(other) if other is not None else first).result()


def _with_disks(
    made: SealedMachine, repairs: Sequence[Repair], options: FixOptions, nonce: str
) -> SealedMachine:
    """The machine with its script, and with packages where a repair takes some."""
    made.script.write_bytes(script.script(repairs, nonce))
    if not any(NEED_PACKAGES & set(one.checks) for one in repairs):
        return made
    disk = made.disk.with_name("packages")
    disk.unlink(missing_ok=True)
    packages.write_disk(packages.handed(options), disk, script.label(nonce))
    return replace(made, packages=disk)


class _Talk:
    """Talk with a guest that runs: it may hang, lie, or end at any moment."""

    def __init__(
        self, guest: Guest, repairs: Sequence[Repair], nonce: str, timeout_seconds: float, progress: Progress
    ) -> None:
        self._guest, self._repairs = guest, repairs
        self._reader = script.Reader(nonce, len(repairs))
        self._start_line = script.start_line(nonce)
        self._read = 0
        self._deadline = timeout_seconds
        self._progress = progress
        self._asked_at: float | None = None
        self._told: int | None = None
        self._began: dict[int, float] = {}
        self._ended: dict[int, float] = {}
        self._last = self._said()
        self._seconds = 0.0
        """How long it ran, once it has ended."""

    def until_it_ends(self) -> None:
        """Watch it until its script has ended, it has ended itself, or its time is over."""
        said = self._last
        while self._guest.running and not said.ended and said.lost is None and not self._is_over():
            self._guest.turn(TURN_SECONDS)
            said = self._said()
            if not said.ready:
                self._ask()
            self._tell(said)
        self._switch_off(said)
        self._last, self._seconds = said, self._guest.seconds()

    @property
    def never_began(self) -> bool:
        """It has ended, early, and had no shell on its root."""
        return not self._last.ready and self._seconds <= self._deadline

    def _ask(self) -> None:
        """Give a shell that waits the one line; once more where that one was lost."""
        asked = self._asked_at
        waiting = asked is None or self._guest.seconds() - asked > ASK_SECONDS
        if waiting and PROMPT.search(self._guest.log.unfinished):
            self._asked_at = self._guest.seconds()
            self._guest.type(self._start_line)

    def _tell(self, said: script.Said) -> None:
        now = self._guest.seconds()
        for number, status in enumerate(said.statuses):
            if status is not None:
                self._ended.setdefault(number, now)
        if said.current is not None and said.current != self._told:
            self._told = said.current
            self._began.setdefault(said.current, now)
            self._progress.stage("fix", self._repairs[said.current].title)

    def _switch_off(self, said: script.Said) -> None:
        """Let it end by itself: what it has written is with QEMU."""
        deadline = time.monotonic() + OFF_SECONDS
        while said.ended and self._guest.running and time.monotonic() < deadline:
            self._guest.turn(TURN_SECONDS)

    def _said(self) -> script.Said:
        """What it has said so far; only what is new is read."""
        lines = self._guest.log.since(self._read)
        self._read = self._guest.log.count
        return self._reader.take(lines)

    def _is_over(self) -> bool:
        return self._guest.seconds() > self._deadline

    def result(self) -> SealedRun:
        """What came of it, once it has ended."""
        said = self._last
        outcomes = tuple(
            RepairOutcome(
                repair,
                said.statuses[number],
                said.outputs[number],
                self._ended.get(number, self._seconds) - self._began[number]
                if number in self._began
                else 0.0,
            )
            for number, repair in enumerate(self._repairs)
        )
        return SealedRun(
            outcomes,
            seconds=self._seconds,
            clean=said.clean,
            problem=self._problem(said),
            log=self._guest.log.tail(TAIL_LINES),
        )

    def _problem(self, said: script.Said) -> str | None:
        if said.ended:
            return None if said.clean else "its root file system could not be unmounted"
        if said.lost is not None:
            return said.lost
        when = f"after {self._seconds:.0f} s"
        if self._seconds <= self._deadline:
            return f"it switched itself off {when}, before it was done"
        if not said.ready:
            return f"no shell of it answered {when}"
        doing = f": {self._repairs[said.current].title}" if said.current is not None else ""
        return f"it was not done {when}{doing}"
