"""The boot as far as the loaders take it: what each firmware starts, and what that comes to by itself.

Nova boots by BIOS unless the image's properties say otherwise, and they say so only where nothing but UEFI
starts something (glance/properties.py). So that is the run which the rest of the guest is judged by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imgtool.guest.bootloader.loaders import run_loader
from imgtool.guest.bootloader.run import LoadedEntry, LoaderRun
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.device import Device
from imgtool.guest.firmware import UefiLook, firmware_of, look, start_by_bios
from imgtool.guest.volumes import DiskLayout
from imgtool.model.boot_path import FirmwareName
from imgtool.model.facts import Fact
from imgtool.model.layout import Firmware


@dataclass(frozen=True, slots=True)
class BootRun:
    """What one kind of firmware starts, and what the loader comes to."""

    start: Start | NoStart
    loader: LoaderRun | None
    """None where nothing starts."""

    @property
    def firmware(self) -> FirmwareName:
        """Which one."""
        return self.start.firmware

    @property
    def booted(self) -> LoadedEntry | None:
        """The entry that starts, or would at a key."""
        return self.loader.booted if self.loader is not None else None


@dataclass(frozen=True, slots=True)
class BootRuns:
    """The runs by both kinds of firmware."""

    bios: BootRun
    uefi: BootRun
    uefi_look: UefiLook
    architecture: str | None
    """Of the machine that was thought of; None: of any."""

    @property
    def firmware(self) -> Fact[Firmware]:
        """Which firmware starts something."""
        return firmware_of(self.bios.start, self.uefi_look)

    @property
    def chosen(self) -> BootRun:
        """The one that Nova uses for this image, or would if the loader on it were found."""
        by_uefi = isinstance(self.uefi.start, Start) or self.uefi_look.meant
        return self.uefi if by_uefi and isinstance(self.bios.start, NoStart) else self.bios

    @property
    def options(self) -> str | None:
        """The kernel's command line; None where no kernel is known to start."""
        booted = self.chosen.booted
        return booted.entry.options if booted is not None and booted.kernel is not None else None


def run_boot(layout: DiskLayout, devices: Sequence[Device], architecture: str | None = None) -> BootRuns:
    """Both ways to boot this disk; `architecture` is the system's, as `uname -m` says it, if it is known."""
    seen = look(layout, devices, architecture)
    starts = (start_by_bios(layout, devices, architecture), seen.start)
    bios, uefi = (BootRun(start, _run(start, devices, layout)) for start in starts)
    return BootRuns(bios, uefi, seen, architecture)


def _run(start: Start | NoStart, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun | None:
    return run_loader(start, devices, layout) if isinstance(start, Start) else None
