"""One run of GRUB: from what the firmware loaded to what it comes to with nobody at the keyboard.

What only the running machine knows is gone both ways; where they end alike, that is how it ends.
Sources: GRUB's grub-core/kern/main.c, kern/rescue_parser.c, normal/main.c.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from imgtool.guest.bootloader.grub import commands  # noqa: F401 - it fills the table of commands
from imgtool.guest.bootloader.grub.commands.entries import enter_normal
from imgtool.guest.bootloader.grub.disks import BOOT_DISK, Disks
from imgtool.guest.bootloader.grub.errors import Stop, Undecided
from imgtool.guest.bootloader.grub.machine import MAX_STEPS, Budget, Machine, Oracle
from imgtool.guest.bootloader.grub.modules import PLATFORMS, Modules
from imgtool.guest.bootloader.grub.rescue import run_embedded
from imgtool.guest.bootloader.grub.survey import survey
from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

MAX_WAYS = 12
"""Runs that are tried where something cannot be known."""
FEATURES = (
    "chainloader_bpb ntldr platform_search_hint default_font_path all_video_module menuentry_id"
    " menuentry_options 200_final nativedisk_cmd timeout_style"
)
"""normal/main.c: feature_* variables that say `y`."""
NewMachine = Callable[[Oracle, Mapping[str, str]], Machine]
"""Makes the machine of one way from its answers, and from what an earlier boot has noted."""


def run_grub(
    start: Start, devices: Sequence[Device], layout: DiskLayout, *, max_steps: int = MAX_STEPS
) -> LoaderRun:
    """What the GRUB of `start` comes to. Never raises for what is on the disk: then the end is unknown.

    Ubuntu's cloud images try without an initramfs first, and note that for the next boot: a kernel that
    panics starts the machine anew at once, and then it is tried with one. That second boot is judged.
    """

    def new(oracle: Oracle, saved: Mapping[str, str]) -> Machine:
        modules = Modules(_platform(start), start.modules)
        disks = Disks(start, devices, layout)
        return Machine(start, disks, modules, oracle, saved=dict(saved), budget=Budget(max_steps))

    run = _every_way(new, {})
    if not _is_a_try(run):
        return run
    again = _every_way(new, dict(run.saved))
    reason = f"first without an initramfs, and if that panics, with one: {again.reason}"
    return replace(again, reason=reason) if again.booted is not None and again.booted.initrds else run


def _is_a_try(run: LoaderRun) -> bool:
    """It notes something for the next boot, and the kernel would restart the machine at once (panic=-1)."""
    booted = run.booted
    if run.end != "entry" or booted is None or booted.initrds or not run.saved:
        return False
    return (parse_command_line(booted.entry.options).value("panic") or "").startswith("-")


def _every_way(new: NewMachine, saved: Mapping[str, str]) -> LoaderRun:
    first: LoaderRun | None = None
    pending: list[tuple[bool, ...]] = [()]
    for _ in range(MAX_WAYS):
        answers = pending.pop()
        run, oracle = _one_way(new, answers, saved)
        if first is not None and _outcome(run) != _outcome(first):
            return _undecided(run, oracle)
        first = first or run
        asked = [answer for answer, _ in oracle.asked]
        for index in range(len(answers), len(asked)):
            pending.append((*asked[:index], not asked[index]))
        if not pending:
            return first
    assert first is not None  # noqa: S101 - there is at least one way
    reason = "the GRUB script asks too much that cannot be known"
    return replace(first, end="unknown", reason=reason, seconds=None)


def _outcome(run: LoaderRun) -> object:
    """What has to be the same, whatever the machine's answers are."""
    if run.end != "entry" or run.booted is None:
        return run.end
    booted = run.booted
    return (booted.entry, str(booted.kernel), tuple(map(str, booted.initrds)), booted.problem)


def _undecided(run: LoaderRun, oracle: Oracle) -> LoaderRun:
    question = oracle.asked[-1][1] if oracle.asked else "it is not known which way GRUB goes"
    return replace(run, end="unknown", reason=question, seconds=None)


def _one_way(
    new: NewMachine, answers: tuple[bool, ...], saved: Mapping[str, str]
) -> tuple[LoaderRun, Oracle]:
    oracle = Oracle(answers)
    machine = new(oracle, saved)
    try:
        begin(machine)
    except Stop as stop:
        return _ended(machine, stop), oracle
    except (Undecided, GuestReadError) as error:
        return _run(machine, Stop("unknown", printable(str(error)), machine.failed), None), oracle
    except RecursionError:
        return _run(machine, Stop("unknown", "a GRUB script is nested too deep"), None), oracle


def _platform(start: Start) -> str:
    if start.firmware == "uefi" and start.architecture == "aarch64":
        return "arm64-efi"
    return PLATFORMS[start.firmware]


def begin(machine: Machine) -> NoReturn:
    """grub_main: the prefix, the embedded script, normal mode. Raises Stop, Undecided or GuestReadError."""
    _set_prefix_and_root(machine)
    prefix = machine.variable("prefix") or ""
    machine.modules.read_list(prefix, machine.read)
    blscfg = f"{prefix}/{machine.modules.platform}/blscfg.mod"
    machine.is_fedora = machine.modules.is_loaded("blscfg") or machine.has_file(blscfg)
    for feature in FEATURES.split():
        machine.variables.set(f"feature_{feature}", "y")
    machine.variables.set("grub_cpu", _platform(machine.start).partition("-")[0])
    machine.variables.set("grub_platform", _platform(machine.start).partition("-")[2])
    machine.variables.set("color_normal", "light-gray/black")
    machine.variables.set("color_highlight", "black/light-gray")
    machine.variables.set("pager", "")
    machine.exported |= {*machine.variables.all(), "config_file", "config_directory", "chosen"}
    if machine.start.script:
        machine.source = "the script inside GRUB's image"
        run_embedded(machine, machine.start.script)
    enter_normal(machine, f"{machine.variable('prefix') or ''}/grub.cfg")
    raise Stop("prompt", "GRUB goes back to its rescue prompt (normal_exit)", machine.failed)


def _set_prefix_and_root(machine: Machine) -> None:
    """grub_set_prefix_and_root: what the image does not say comes from where the firmware loaded it."""
    start = machine.start
    firmware_device, firmware_path = BOOT_DISK, ""
    if start.firmware == "uefi" and start.device is not None:
        firmware_device = machine.disks.name_of(start.device) or BOOT_DISK
        firmware_path = start.path.replace("\\", "/").rpartition("/")[0]
        firmware_path = firmware_path if firmware_path.startswith("/") else f"/{firmware_path}"
    elif start.device is not None and not start.prefix.startswith("("):
        firmware_device = machine.disks.name_of(start.device) or BOOT_DISK
    device, path = firmware_device, start.prefix
    if start.prefix.startswith("(") and ")" in start.prefix:
        device, _, path = start.prefix[1:].rpartition(")")
        if device == "" or device.startswith(","):
            device = firmware_device.partition(",")[0] + device
    machine.variables.set("cmdpath", f"({firmware_device}){firmware_path}")
    machine.variables.set("fw_path", f"({firmware_device}){firmware_path}")
    machine.variables.set("root", device)
    machine.variables.set("prefix", f"({device}){path or firmware_path}")


def _ended(machine: Machine, stop: Stop) -> LoaderRun:
    seconds = machine.seconds if stop.end == "entry" else None
    if stop.end == "entry":
        stop.reason = _why(machine, stop)
    return _run(machine, stop, seconds)


def _why(machine: Machine, stop: Stop) -> str:
    """Which entry it is, and what made it the default."""
    if machine.current is None:
        return f"{machine.source or 'GRUB'} boots by itself"
    title = printable(machine.current.title)
    default = machine.default_shown
    made = f"default={printable(default)}" if default else "no default is set, so the first entry"
    return f"{made} ({title})"


def _run(machine: Machine, stop: Stop, seconds: float | None) -> LoaderRun:
    places = tuple(machine.places)
    saved = tuple(machine.saved.items())
    return LoaderRun(stop.end, stop.reason, places, seconds, stop.booted, survey(machine), saved)
