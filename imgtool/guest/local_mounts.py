"""What comes of the file systems and the swap space that systemd brings in at boot.

Source: systemd.mount(5), systemd.swap(5), systemd.special(7), src/core/mount.c; mount(8). A mount that
local-fs.target requires and that fails ends in emergency mode, because that target has
OnFailure=emergency.target; a missing device is waited for, 90 seconds by default. What is only wanted
(`nofail`) holds up nothing. The source of a bind mount is made where it is missing, as the mount point is.
The root is remounted by systemd-remount-fs; where that fails, the boot goes on with a read-only root.
"""

import posixpath
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.crypttab import CRYPTTAB, CryptEntry, asks, read_crypttab, why_not_opened
from imgtool.guest.devices import disk_has
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import PSEUDO_TYPES, device_name
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.mount_rules import COMPATIBLE, refused_option, refuses
from imgtool.guest.roots import missing_subvolume
from imgtool.guest.systemd.fstab_units import FSTAB, GENERATOR, NETWORK_TYPES, FstabMount, fstab_mounts
from imgtool.guest.systemd.generator_files import why_not_generated
from imgtool.guest.systemd.names import escape_path
from imgtool.guest.systemd.pulls import REQUIRING
from imgtool.guest.systemd.start import StartedUnits
from imgtool.guest.systemd.unit import Unit, split_words
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.model.services import Trouble
from imgtool.util.text import printable, shell_operands

LOCAL_FS = "local-fs.target"
MAX_REQUIRED = 2000
ONLY_WHILE_IT_RUNS = ("/run/", "/proc/", "/sys/", "/dev/", "/tmp/", "/var/run/")  # noqa: S108 - of the guest
"""What stands below is made at boot: an image says nothing of it."""
OVERLAY_DIRECTORIES = ("lowerdir", "upperdir", "workdir")
WRITTEN_BY_CLOUD_INIT = frozenset({"/var", "/var/lib", "/var/lib/cloud", "/etc"})
"""A root is meant to be read-only where one of them has a file system of its own."""
REMOUNT = "systemd-remount-fs.service"
HOST_SHARED = frozenset({"9p", "virtiofs"})


@dataclass(frozen=True, slots=True)
class Guest:
    """What the mounts are judged by."""

    tree: GuestTree
    contents: DiskContents
    command_line: CommandLine
    root_type: str = ""
    """Type of the root file system."""
    release: tuple[int, int] | None = None
    """Of the kernel that boots: its first two numbers."""
    assembled: bool = False
    """The root is put together at boot (OSTree, NixOS, Flatcar): others care for whether it is writable."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why one mount fails; `sure` is False where that cannot be told."""

    reason: str
    waits: bool = False
    sure: bool = True


def read_mount_troubles(started: StartedUnits, guest: Guest) -> Known[tuple[Trouble, ...]]:
    """All that goes wrong with mounts, swap space and encrypted volumes, in the order of their names."""
    judge = _Judge(started, guest)
    found = tuple(judge.troubles())
    looked_at = ", ".join(sorted(judge.looked_at)) or "nothing is mounted at boot"
    return Known(found, printable(looked_at))


class _Judge:
    def __init__(self, started: StartedUnits, guest: Guest) -> None:
        self._started = started
        self._guest = guest
        self._crypt = {entry.mapped: entry for entry in read_crypttab(guest.tree)}
        self._unopened = why_not_opened(guest.tree, guest.command_line) if self._crypt else None
        self.looked_at: set[str] = set()

    def troubles(self) -> Iterator[Trouble]:
        required = self._required_of(LOCAL_FS)
        for name in sorted(required):
            unit = self._started.files.unit(name)
            if unit.type == "mount":
                yield from self._required(unit)
        for name in sorted(self._started.names - required):
            yield from self._others(self._started.files.unit(name))
        yield from self._root()
        for entry in self._crypt.values():
            yield from self._encrypted(entry)

    def _required_of(self, target: str) -> set[str]:
        """Units whose failure makes the target fail, and so starts emergency mode."""
        files = self._started.files
        first = files.unit(target)
        fails = {name for name, _ in first.named("OnFailure")}
        if first.name not in self._started.names or "emergency.target" not in fails:
            return set()
        found: set[str] = set()
        pending = deque([first])
        while pending:
            unit = pending.popleft()
            for name in self._requirements(unit):
                required = files.unit(name)
                if required.name not in found:
                    if len(found) >= MAX_REQUIRED:
                        raise GuestReadError(f"{target} requires more than {MAX_REQUIRED} units")
                    found.add(required.name)
                    pending.append(required)
        return found

    def _requirements(self, unit: Unit) -> Iterator[str]:
        yield from (name for name, _ in unit.required)
        yield from (name for name, _ in unit.named(*REQUIRING))
        if unit.type != "mount":
            return
        paths = [
            word for value in unit.values("Unit", "RequiresMountsFor") for word in split_words(value.text)
        ]
        where = unit.value("Mount", "Where")
        above = [posixpath.dirname(where.text)] if where is not None else []
        for path in (*paths, *above):
            for directory in _upwards(path):
                name = f"{escape_path(directory)}.mount"
                if self._started.files.unit(name).place:
                    yield name

    # ------------------------------------------------------------ one unit

    def _required(self, unit: Unit) -> Iterator[Trouble]:
        if unit.state != "loaded":
            return
        where = unit.value("Mount", "Where")
        if where is not None and where.text == "/":
            return
        fault = self._fault(unit)
        self.looked_at.add(unit.name)
        if fault is None or (fault.waits and _source(unit) == FSTAB and not self._is_mapped(unit)):
            return
        shown = _shown(unit)
        if not fault.sure:
            yield Trouble(
                "unknown", f"whether {shown} can be mounted cannot be told: {fault.reason}", unit.place
            )
            return
        wait = " after 90 seconds of waiting" if fault.waits else ""
        message = f"systemd stops in emergency mode{wait}: {shown} cannot be mounted, {fault.reason}"
        yield Trouble("stops", message, _evidence(unit), _remedy(unit))

    def _is_mapped(self, unit: Unit) -> bool:
        """Look into crypttab: other devices that fstab names are the matter of the check root-resolves."""
        what = unit.value("Mount", "What")
        return what is not None and what.text in self._crypt

    def _others(self, unit: Unit) -> Iterator[Trouble]:
        """Swap, and mounts that are only wanted: a missing device holds up what waits for their target."""
        if unit.type not in {"swap", "mount"} or unit.state != "loaded":
            return
        section = "Swap" if unit.type == "swap" else "Mount"
        what = unit.value(section, "What")
        if what is None or "nofail" in _options(unit, section):
            return
        self.looked_at.add(unit.name)
        fault = self._missing(what.text) if what.text.startswith("/dev/") else None
        if fault is not None and fault.sure and unit.flag("Unit", "DefaultDependencies", default=True):
            message = f"the boot waits 90 seconds for {printable(what.text)}, then goes on without it"
            yield Trouble("waits", message, _evidence(unit), _remedy(unit))

    def _fault(self, unit: Unit) -> _Fault | None:
        """Why the mount fails; None where it succeeds."""
        what, kind = unit.value("Mount", "What"), unit.value("Mount", "Type")
        types = kind.text if kind is not None else ""
        options = _options(unit, "Mount")
        if what is None:
            return _Fault("its unit has no What=")
        if types in PSEUDO_TYPES or types.removeprefix("fuse.") in NETWORK_TYPES or types in HOST_SHARED:
            return self._without_device(what.text, types, options)
        if {"bind", "rbind"}.intersection(options):
            return self._bind(what.text)
        if what.text.startswith("/dev/"):
            return self._missing(what.text) or self._refused(what.text, types, options)
        return self._file(what.text, types)

    def _without_device(self, what: str, types: str, options: tuple[str, ...]) -> _Fault | None:
        if {"bind", "rbind"}.intersection(options):
            return self._bind(what)
        if types in HOST_SHARED:
            return _Fault(f"an instance has no {types} share of its host")
        if types == "tmpfs":
            return self._unknown_option(types, options)
        return self._overlay(options) if types == "overlay" else None

    def _bind(self, what: str) -> _Fault | None:
        """systemd makes a source that is missing; only a file in its way keeps it from doing so."""
        path = posixpath.normpath(what)
        if path.startswith(ONLY_WHILE_IT_RUNS) or self._guest.tree.exists(path):
            return None
        while path not in {"/", ""}:
            path = posixpath.dirname(path)
            if self._guest.tree.exists(path):
                break
        if self._guest.tree.is_directory(path):
            return None
        return _Fault(f"its source {printable(what)} cannot be made: {printable(path)} is a file")

    def _overlay(self, options: tuple[str, ...]) -> _Fault | None:
        for option in options:
            key, _, value = option.partition("=")
            for path in value.split(":") if key in OVERLAY_DIRECTORIES else ():
                made = path.startswith(ONLY_WHILE_IT_RUNS)
                if path.startswith("/") and not made and not self._guest.tree.is_directory(path):
                    return _Fault(f"its {key} {printable(path)} is not there")
        return None

    def _file(self, what: str, types: str) -> _Fault | None:
        """A file that is mounted by a loop device; anything else is no source for a file system of a disk."""
        if not what.startswith("/"):
            needs_device = any(one in COMPATIBLE for one in types.split(",")) or not types
            return _Fault(f"{printable(what)} names no device") if needs_device else None
        if what.startswith(ONLY_WHILE_IT_RUNS):
            return None
        if self._guest.tree.exists(what):
            return None
        return _Fault(f"{printable(what)} is not there")

    # ------------------------------------------------------------ devices

    def _missing(self, what: str) -> _Fault | None:
        """Whether an instance has the device; None where it has."""
        entry = self._crypt.get(what)
        if entry is not None:
            return self._missing_mapped(entry)
        has = disk_has(what, self._guest.contents)
        if has is None:
            return _Fault(f"whether an instance has {printable(what)} is not known", sure=False)
        return None if has else _Fault(f"{printable(what)} does not exist", waits=True)

    def _missing_mapped(self, entry: CryptEntry) -> _Fault | None:
        shown = printable(entry.mapped)
        if self._unopened is not None:
            return _Fault(f"{shown} is never opened: {self._unopened}", waits=True)
        has = disk_has(entry.device, self._guest.contents)
        if has is False:
            return _Fault(f"{shown} lies on {printable(entry.device)}, which does not exist", waits=True)
        return (
            None
            if has
            else _Fault(f"whether an instance has {printable(entry.device)} is not known", sure=False)
        )

    def _refused(self, what: str, types: str, options: tuple[str, ...]) -> _Fault | None:
        """A device that is there, and that the driver does not mount."""
        name = device_name(what)
        found = next((one for one in self._guest.contents.devices if one.is_named(name)), None)
        if found is None:
            return None
        filesystem = found.filesystem.type
        if refuses(types, filesystem):
            return _Fault(f"{printable(what)} holds {filesystem}, not {printable(types or 'a file system')}")
        gone = missing_subvolume(found.filesystem, options)
        if gone is not None:
            return _Fault(f"{printable(what)} has no subvolume {printable(gone)}")
        return self._unknown_option(filesystem, options)

    def _unknown_option(self, filesystem: str, options: tuple[str, ...]) -> _Fault | None:
        option = refused_option(filesystem, options, self._guest.release)
        if option is not None:
            return _Fault(f"{filesystem} refuses the option {printable(option)}")
        return None

    def _encrypted(self, entry: CryptEntry) -> Iterator[Trouble]:
        if self._unopened is not None or not entry.waited_for:
            return
        evidence = printable(f"{CRYPTTAB}: {entry.name} {entry.device} {entry.key} {','.join(entry.options)}")
        has = disk_has(entry.device, self._guest.contents)
        remedy = f"take the line out of {CRYPTTAB}, or add nofail to its options"
        if has is False:
            message = f"the boot waits 90 seconds for {printable(entry.device)}, which {CRYPTTAB} names"
            yield Trouble("waits", message, evidence, remedy)
        elif has and asks(self._guest.tree, entry):
            message = f"the boot waits for ever for the passphrase of {printable(entry.name)}"
            yield Trouble("stops", message, evidence, remedy)

    # ------------------------------------------------------------ the root

    def _root(self) -> Iterator[Trouble]:
        """What systemd-remount-fs does with the root: nothing else makes it writable where it was not."""
        guest = self._guest
        if guest.assembled:
            return
        mounts = fstab_mounts(guest.tree, guest.command_line)
        root = next((one for one in mounts if one.where == "/"), None)
        told_read_only = _is_read_only(guest.command_line)
        remedy = "correct the line of / in /etc/fstab, or give `rw` to the kernel in place of `ro`"
        if root is None:
            if told_read_only and not self._made_writable():
                message = (
                    "the root file system stays read-only: nothing remounts it, so cloud-init cannot write"
                )
                unread = why_not_generated(guest.tree, GENERATOR)
                evidence = f"{unread or f'{FSTAB} has no line for /'}, and the kernel is told `ro`"
                yield Trouble("stops", message, evidence, remedy)
            return
        entry = root.entry
        reason = self._why_not_remounted(root) if told_read_only else None
        if _says_read_only(entry.options) and not WRITTEN_BY_CLOUD_INIT.intersection(
            one.where for one in mounts
        ):
            reason = f"{FSTAB} says `ro` for /"
        if reason is not None:
            message = f"the root file system stays read-only, so cloud-init cannot write: {reason}"
            line = f"{entry.device} {entry.mount_point} {entry.type} {','.join(entry.options)}"
            yield Trouble("stops", message, printable(f"{FSTAB}: {line}"), remedy)

    def _why_not_remounted(self, root: FstabMount) -> str | None:
        guest, entry = self._guest, root.entry
        service = self._started.files.unit(REMOUNT)
        if service.state == "masked":
            return service.problem
        option = refused_option(guest.root_type, entry.options, guest.release)
        if option is not None:
            return f"{guest.root_type} refuses the option {printable(option)}"
        if "=" in entry.device and disk_has(root.what, guest.contents) is False:
            return f"there is no {printable(entry.device)}"
        return None

    def _made_writable(self) -> bool:
        """Whether a unit for / says more than fstab does."""
        return bool(self._started.files.unit("-.mount").place)


def _upwards(path: str) -> Iterator[str]:
    """The path and the directories above it, without `/`."""
    here = posixpath.normpath(path)
    while here.startswith("/") and here != "/":
        yield here
        here = posixpath.dirname(here)


def _is_read_only(command_line: CommandLine) -> bool:
    """Only where the kernel is told so: without a word each initramfs has a default of its own."""
    words = [one.key for one in command_line.kernel if one.value is None and one.key in {"ro", "rw"}]
    return bool(words) and words[-1] == "ro" and "rw" not in command_line.root_flags


def _says_read_only(options: tuple[str, ...]) -> bool:
    """The last of `ro` and `rw` counts: systemd-remount-fs applies it whatever the kernel was told."""
    return next((one for one in reversed(options) if one in {"ro", "rw"}), "rw") == "ro"


def _options(unit: Unit, section: str) -> tuple[str, ...]:
    value = unit.value(section, "Options")
    return tuple(value.text.split(",")) if value is not None else ()


def _shown(unit: Unit) -> str:
    where = unit.value("Mount", "Where")
    return printable(where.text) if where is not None else printable(unit.name)


def _source(unit: Unit) -> str:
    source = unit.value("Unit", "SourcePath")
    return source.text if source is not None else unit.place


def _evidence(unit: Unit) -> str:
    section = "Swap" if unit.type == "swap" else "Mount"
    keys = ("What", "Where", "Type", "Options")
    values = [(key, unit.value(section, key)) for key in keys]
    said = " ".join(f"{key}={value.text}" for key, value in values if value is not None and value.text)
    return printable(f"{_source(unit)}: {said}")


def _remedy(unit: Unit) -> str:
    if _source(unit) == FSTAB:
        return f"correct the line in {FSTAB}, take it out, or add nofail to its options"
    words = shell_operands((unit.name,))
    command = f", or `systemctl disable {words}`" if words is not None else ", or disable it"
    return f"correct {unit.place.replace(chr(96), '?')}{command}"
