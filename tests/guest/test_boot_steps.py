"""The steps of a boot: to the kernel by the run of its loader, from there by the facts of the system."""

import io
from dataclasses import replace
from typing import Any

import pytest
from support import facts
from support.facts import UNREADABLE, known
from support.memory_filesystem import MemoryFilesystem

from imgtool.guest.boot_runs import BootRun, BootRuns
from imgtool.guest.boot_steps import boot_paths, with_system
from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.run import LoadedEntry, LoaderRun
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.device import Device
from imgtool.guest.firmware import UefiLook
from imgtool.guest.volumes import Volume
from imgtool.model.boot_path import BootPath
from imgtool.model.services import Trouble

ROOT = Device(Volume("partition 2", 1 << 30, (2,), io.BytesIO), MemoryFilesystem({"vmlinuz": b"k"}), None)
KERNEL = LoaderFiles(ROOT).find("/vmlinuz")
ENTRY = LoadedEntry(BootEntry("a", "Linux \x1b[2J", "/grub.cfg", "/vmlinuz", options="root=x"), KERNEL)
STARTS = LoaderRun("entry", "default=0", ("/grub.cfg on partition 2",), 5, ENTRY)
GRUB = Start("bios", "grub", "core.img in partition 1")
NOTHING = NoStart("uefi", "there is no FAT file system")


def runs(loader: LoaderRun | None, bios: Start | NoStart = GRUB, uefi: Start | NoStart = NOTHING) -> BootRuns:
    by_uefi = BootRun(uefi, loader if isinstance(uefi, Start) else None)
    return BootRuns(
        BootRun(bios, loader if isinstance(bios, Start) else None), by_uefi, UefiLook(uefi, None, False), None
    )


def told(path: BootPath) -> list[tuple[str, str]]:
    return [(step.name, step.outcome) for step in path.steps]


def test_a_boot_that_starts_a_kernel() -> None:
    bios, uefi = boot_paths(runs(STARTS))
    assert (bios.used, bios.starts_a_kernel, bios.stop) == (True, True, None)
    assert told(bios) == [(name, "goes-on") for name in ("firmware", "loader", "entry", "kernel")]
    assert bios.steps[2].summary == r"Linux \x1b[2J after 5 s: default=0"
    assert bios.steps[3].place == "/vmlinuz on partition 2"
    assert (told(uefi), uefi.used) == ([("firmware", "stops")], False)


@pytest.mark.parametrize(
    ("loader", "last"),
    [
        (LoaderRun("prompt", "no such device: old"), ("loader", "stops")),
        (LoaderRun("error", "file not found", booted=replace(ENTRY, kernel=None)), ("kernel", "stops")),
        (LoaderRun("firmware", "exit"), ("loader", "stops")),
        (LoaderRun("unknown", "it asks SMBIOS"), ("loader", "unknown")),
        (LoaderRun("menu", "no timeout", booted=ENTRY), ("entry", "waits")),
        (LoaderRun("entry", "default=0", seconds=3600, booted=ENTRY), ("entry", "waits")),
        (replace(STARTS, booted=replace(ENTRY, problem="cut off")), ("kernel", "stops")),
        (replace(STARTS, booted=replace(ENTRY, kernel=None)), ("kernel", "stops")),
        (replace(STARTS, booted=None), ("entry", "goes-on")),
    ],
)
def test_where_the_loader_stops(loader: LoaderRun, last: tuple[str, str]) -> None:
    path = boot_paths(runs(loader))[0]
    assert told(path)[-1] == last
    assert not path.starts_a_kernel
    assert with_system((path,), facts.linux()) == (path,)


@pytest.mark.parametrize(
    ("bios", "uefi", "used"),
    [
        (GRUB, replace(GRUB, firmware="uefi"), "bios"),
        (GRUB, NOTHING, "bios"),
        (NoStart("bios", "no code"), replace(GRUB, firmware="uefi"), "uefi"),
        (NoStart("bios", "no code"), NOTHING, "bios"),
        (NoStart("bios", "bad block", known=False), replace(GRUB, firmware="uefi"), "uefi"),
    ],
)
def test_the_path_that_nova_takes(bios: Start | NoStart, uefi: Start | NoStart, used: str) -> None:
    paths = boot_paths(runs(STARTS, bios, uefi))
    assert [path.firmware for path in paths if path.used] == [used]


def followed(**changed: Any) -> BootPath:
    return with_system(boot_paths(runs(STARTS)), facts.linux(**changed))[0]


def root(**changed: Any) -> Any:
    return {"device_references": known((facts.reference(source="/grub.cfg", mount_point="/", **changed),))}


def archive(found: Any) -> Any:
    return {"kernels": known((facts.kernel(initramfs=found),))}


STOP = known((Trouble("stops", "rescue mode", "default.target"),))
RESCUED = known((Trouble("stops", "rescue mode", "default.target", has_udev=True),))
SILENT = {"agent": facts.agent(enabled=known(False))}
NO_INIT = known((Trouble("stops", "no init", "/sbin/init", step="init"),))
WAIT = known((Trouble("waits", "90 s for swap", "/etc/fstab"),))
DOUBT = known((Trouble("unknown", "a mount on the network", "/etc/fstab"),))


@pytest.mark.parametrize(
    ("changed", "last"),
    [
        ({}, ("agent", "goes-on")),
        ({"agent": facts.agent(enabled=known(False))}, ("agent", "stops")),
        ({"cloud_init": facts.cloud_init(enabled=known(False))}, ("agent", "goes-on")),
        ({"device_references": UNREADABLE}, ("root", "unknown")),
        (root(resolves=False), ("root", "stops")),
        (root(resolves=None), ("root", "unknown")),
        (root(problem="it is swap space"), ("root", "stops")),
        (archive(UNREADABLE), ("initramfs", "unknown")),
        (archive(known(facts.initramfs(problem="cut"))), ("initramfs", "stops")),
        (archive(known(facts.initramfs(stops=("a shell",)))), ("initramfs", "stops")),
        (archive(known(facts.initramfs(unsure=("packed",)))), ("initramfs", "unknown")),
        (archive(known(facts.initramfs(modules=facts.states(virtio_pci="missing")))), ("initramfs", "stops")),
        (archive(known(None)), ("initramfs", "stops")),
        ({"user_space": facts.user_space(startup=STOP)}, ("target", "stops")),
        ({"user_space": facts.user_space(startup=RESCUED)}, ("agent", "goes-on")),
        ({"user_space": facts.user_space(startup=RESCUED), **SILENT}, ("target", "stops")),
        ({"user_space": facts.user_space(startup=NO_INIT)}, ("init", "stops")),
        ({"user_space": facts.user_space(mounts=WAIT)}, ("agent", "goes-on")),
        ({"user_space": facts.user_space(selinux=DOUBT)}, ("target", "unknown")),
        ({"user_space": facts.user_space(init=UNREADABLE)}, ("init", "unknown")),
    ],
)
def test_how_far_the_system_comes(changed: dict[str, Any], last: tuple[str, str]) -> None:
    assert told(followed(**changed))[-1] == last


def test_each_bus_that_reaches_the_root_is_named() -> None:
    only_scsi = facts.initramfs(modules=facts.states(virtio_blk="missing"))
    path = followed(kernels=known((facts.kernel(initramfs=known(only_scsi)),)))
    summary = next(step.summary for step in path.steps if step.name == "initramfs")
    assert "virtio-scsi" in summary
    assert "virtio-blk" not in summary
