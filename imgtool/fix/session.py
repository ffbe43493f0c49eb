"""One run of the sealed machine: its files are made, it is started, its shell gets one line, and it ends."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from imgtool.boot import accelerator
from imgtool.boot.accelerator import machine_access
from imgtool.boot.machine import MACHINES
from imgtool.boot.qemu import Guest, started
from imgtool.boot.run import architecture_of
from imgtool.errors import UsageError
from imgtool.fix import machine, packages, script
from imgtool.fix.guest_files import ROOT_DRIVERS, GuestFileReader, OwnRoot
from imgtool.fix.initrd import FIRST_PROGRAM, alone, appended, padding
from imgtool.fix.machine import SealedMachine
from imgtool.fix.repairs import NEED_PACKAGES
from imgtool.model.boot import Accelerator
from imgtool.model.facts import Known
from imgtool.model.fix import FixOptions, Repair, RepairOutcome, SealedRun
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.kernel import Kernel
from imgtool.model.layout import FilesystemFacts
from imgtool.model.linux import LinuxFacts
from imgtool.process.programs import require
from imgtool.util.progress import Progress

PROMPT = re.compile(r"[#$] ?$")
PLAIN = re.compile(r"[A-Za-z0-9=,@._/+-]+")
"""Mount options and names of volumes of the guest, as far as they are put into a script."""
_OTHER_FILES = ("kernel", "initrd", "script", "packages")
"""Of an earlier run beside the same copy."""
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

    Its other files are made beside the copy, in a folder that has nothing else: QEMU may see all of it.
    Raises ImageUnreadableError where it has nothing to start from, ToolMissingError and ToolFailedError where
    QEMU is missing or fails, UsageError for an architecture that cannot be run.
    """
    architecture = architecture_of(guest)
    emulator = require(f"qemu-system-{architecture}")
    chosen = accelerator.choose(options.accel, architecture)
    nonce = secrets.token_hex(8)
    for one in _OTHER_FILES:
        (image.path.parent / one).unlink(missing_ok=True)
    made = _machine(image, guest, architecture, chosen.accelerator, progress)
    if any(NEED_PACKAGES & set(one.checks) for one in repairs):
        disk = image.path.parent / "packages"
        packages.write_disk(packages.handed(options), disk, script.label(nonce))
        made = replace(made, packages=disk)
    made.script.write_bytes(script.script(repairs, nonce))
    access = machine_access(emulator, chosen.accelerator, None, folders=(image.path.parent,))
    progress.stage("fix", f"sealed machine started, by {chosen.accelerator}")

    def arguments(serial: int, _agent: int) -> Sequence[str]:
        return machine.arguments(made, serial)

    with started(emulator, arguments, access) as running:
        return _Talk(running, repairs, nonce, options.timeout_seconds, progress).until_it_ends()


def _machine(
    image: DiskImage,
    guest: GuestFacts,
    architecture: str,
    chosen: Accelerator,
    progress: Progress,
) -> SealedMachine:
    linux = guest.linux
    if linux is None or architecture not in MACHINES:
        raise UsageError("only a Linux guest can repair itself")
    default = linux.default_kernel
    own = linux.command_line.value if isinstance(linux.command_line, Known) else ""
    root = next((one for one in guest.filesystems if one.mount_point == "/"), None)
    useless = default is None or _is_useless(default)
    own_root = _own_root(linux, root, own) if useless else None
    reader = GuestFileReader(image, default.version if default is not None else "", own_root, progress)
    files = reader.find()
    folder = image.path.parent
    kernel, initrd = folder / "kernel", folder / "initrd"
    reader.write(files.kernel, kernel)
    modules = [reader.module(path) for path in files.modules]
    if files.initramfs is not None:
        reader.write(files.initramfs, initrd)
        with initrd.open("ab") as file:
            file.write(padding(initrd.stat().st_size) + appended(modules))
    else:
        programs = {place: reader.content(path) for place, path in files.programs.items()}
        mounted = own_root or _own_root(linux, root, own)
        initrd.write_bytes(alone(modules, programs, mounted.device, mounted.type, mounted.options))
    return SealedMachine(
        architecture=architecture,
        accelerator=chosen,
        disk=image.path,
        script=folder / "script",
        kernel=kernel,
        initrd=initrd,
        command_line=machine.command_line(own, root.uuid if root else None, architecture, FIRST_PROGRAM),
    )


def _is_useless(kernel: Kernel) -> bool:
    """The guest's initramfs is not there, not whole, or stops before it has a root."""
    if not isinstance(kernel.initramfs, Known):
        return False
    archive = kernel.initramfs.value
    return archive is None or archive.problem is not None or bool(archive.stops)


def _own_root(linux: LinuxFacts, root: FilesystemFacts | None, own: str) -> OwnRoot:
    """The root, for an initramfs of ours. Raises UsageError for one that this does not reach."""
    device = _device(linux, root) if root is not None else None
    if root is None or device is None or root.type not in ROOT_DRIVERS:
        raise UsageError(
            "its initramfs is of no use, and its root is not one partition or volume with ext4, XFS or Btrfs",
            hint="repair the initramfs where the image is made",
        )
    flags = [word.removeprefix("rootflags=") for word in own.split() if word.startswith("rootflags=")]
    options = flags[-1] if flags and PLAIN.fullmatch(flags[-1]) else ""
    return OwnRoot(device, root.type, options, on_lvm=linux.root_on_lvm)


def _device(linux: LinuxFacts, root: FilesystemFacts) -> str | None:
    """Where that machine finds the root; None for what takes more than one step."""
    if linux.root_on_raid:
        return None
    if linux.root_on_lvm:
        return f"/dev/{root.device}" if PLAIN.fullmatch(root.device) else None
    number = root.partitions[0] if root.partitions else ""
    return f"/dev/vda{number}" if len(root.partitions) < 2 else None


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

    def until_it_ends(self) -> SealedRun:
        """Watch it until its script has ended, it has ended itself, or its time is over."""
        said = self._said()
        while self._guest.running and not said.ended and said.lost is None and not self._is_over():
            self._guest.turn(TURN_SECONDS)
            said = self._said()
            if not said.ready:
                self._ask()
            self._tell(said)
        self._switch_off(said)
        return self._result(said)

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

    def _result(self, said: script.Said) -> SealedRun:
        outcomes = tuple(
            RepairOutcome(
                repair,
                said.statuses[number],
                said.outputs[number],
                self._ended.get(number, self._guest.seconds()) - self._began[number]
                if number in self._began
                else 0.0,
            )
            for number, repair in enumerate(self._repairs)
        )
        return SealedRun(
            outcomes,
            seconds=self._guest.seconds(),
            clean=said.clean,
            problem=self._problem(said),
            log=self._guest.log.tail(TAIL_LINES),
        )

    def _problem(self, said: script.Said) -> str | None:
        if said.ended:
            return None if said.clean else "its root file system could not be unmounted"
        if said.lost is not None:
            return said.lost
        when = f"after {self._guest.seconds():.0f} s"
        if not self._is_over():
            return f"it switched itself off {when}, before it was done"
        if not said.ready:
            return f"no shell of it answered {when}"
        doing = f": {self._repairs[said.current].title}" if said.current is not None else ""
        return f"it was not done {when}{doing}"
