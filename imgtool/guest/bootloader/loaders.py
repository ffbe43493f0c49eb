"""Runs whichever boot loader the firmware starts. A new loader is a file and its line here."""

from collections.abc import Callable, Mapping, Sequence

from imgtool.guest.bootloader.grub.run import run_grub
from imgtool.guest.bootloader.grub_legacy import run_grub_legacy
from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.start import LoaderName, Start
from imgtool.guest.bootloader.syslinux import run_syslinux
from imgtool.guest.bootloader.systemd_boot import run_systemd_boot
from imgtool.guest.bootloader.unified import run_unified_image
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout

Loader = Callable[[Start, Sequence[Device], DiskLayout], LoaderRun]


def run_windows(start: Start, _devices: Sequence[Device], _layout: DiskLayout) -> LoaderRun:
    """Windows' boot manager: its store (BCD) is not read, and what it starts is judged by itself."""
    return LoaderRun("entry", "it starts Windows", (start.place,), 0)


LOADERS: Mapping[LoaderName, Loader] = {
    "grub": run_grub,
    "grub-legacy": run_grub_legacy,
    "systemd-boot": run_systemd_boot,
    "unified-image": run_unified_image,
    "syslinux": run_syslinux,
    "windows": run_windows,
}


def run_loader(start: Start, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun:
    """What the boot loader of `start` comes to with nobody at the keyboard.

    `unknown` for those whose rules are not known here: rEFInd, Limine, LILO.
    """
    loader = LOADERS.get(start.loader)
    if loader is None:
        reason = f"{start.place}: what this boot loader starts is not followed; `imgtool boot` shows it"
        return LoaderRun("unknown", reason, (start.place,))
    return loader(start, devices, layout)
