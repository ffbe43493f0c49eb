"""Which installed kernel it is that a boot loader starts."""

import pytest
from support.boot_disks import device, esp_with, layout, start, systemd_boot
from support.guest_tree import EMPTY_DIRECTORY, guest_tree
from support.kernel_images import arm64_image, bzimage
from support.unified_image import unified_image

from imgtool.guest.bootloader.choose import BootChoice, choose_kernel
from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile, LoaderRun
from imgtool.guest.bootloader.systemd_boot import run_systemd_boot
from imgtool.guest.initramfs.locate import initramfs_files
from imgtool.guest.kernels import find_kernels

NEW, OLD = "6.1.0-41-amd64", "6.1.0-9-amd64"
TREE = guest_tree({f"/usr/lib/modules/{v}/kernel": EMPTY_DIRECTORY for v in (NEW, OLD)} | {"/boot/x": ""})
KERNELS = find_kernels(TREE)


def by_systemd_boot(tree) -> BootChoice:
    esp = esp_with(tree, systemd_boot())
    return choose_kernel(run_systemd_boot(start("systemd-boot", esp), [esp], layout([esp])), TREE, KERNELS)


def entry(kernel: bytes, path: str = "/k/linux", *lines: str):
    text = "\n".join((f"title T\nlinux {path}\ninitrd /k/initrd\noptions ro", *lines))
    return {"loader/entries/a.conf": text, path: kernel, "k/initrd": "initrd"}


UKI = {".osrel": b"ID=x\nNAME=X\n", ".linux": bzimage(NEW), ".initrd": b"i"}


@pytest.mark.parametrize(
    ("tree", "version"),
    [
        (entry(bzimage(OLD)), OLD),
        (entry(bzimage(OLD), f"/{NEW}/linux", f"version {NEW}"), OLD),
        (entry(arm64_image(), f"/{OLD}/linux"), None),
        ({"EFI/Linux/a.efi": unified_image(UKI | {".uname": OLD.encode()})}, OLD),
        ({"EFI/Linux/a.efi": unified_image(UKI)}, NEW),
    ],
)
def test_the_image_says_what_it_is(tree, version) -> None:
    found = by_systemd_boot(tree)
    assert found.version == (version or NEW)


def test_what_a_choice_has() -> None:
    found = by_systemd_boot(entry(bzimage(OLD)))
    assert found.evidence == "/loader/entries/a.conf on partition 1: T (a.conf, the first by its name)"
    assert (found.options, found.image_version, found.missing) == ("ro", OLD, None)
    assert found.loaded is not None
    files = initramfs_files(TREE, KERNELS[1], found.entry, found.loaded)
    assert files.paths == ("/k/initrd on partition 1",)
    assert files.loaded[0].open().read() == b"initrd"
    assert files.evidence.endswith("entry T")


def test_a_kernel_that_is_not_installed() -> None:
    found = by_systemd_boot(entry(bzimage("5.10.0-1")))
    assert (found.version, found.image_version) == (NEW, "5.10.0-1")
    assert "5.10.0-1" in found.evidence
    assert "no installed kernel's" in found.evidence
    assert found.loaded is not None


def of(path: str, version: str = "") -> BootChoice:
    on = device(1, "linux", "ext4", {path: arm64_image()})
    node = on.filesystem.root()
    for name in path.split("/"):
        node = node.child(name) or node
    named = BootEntry("a", "A", "x", f"/{path}", version=version)
    run = LoaderRun("entry", "A", booted=LoadedEntry(named, LoaderFile(on, f"/{path}", node)))
    return choose_kernel(run, TREE, KERNELS)


@pytest.mark.parametrize("path", [f"boot/vmlinuz-{OLD}", f"boot/{OLD}/linux", f"deb/{OLD}/Image"])
def test_an_image_that_does_not_say_it_is_known_by_its_name(path: str) -> None:
    assert of(path).version == OLD


def test_an_image_that_does_not_say_it_is_known_by_its_entry() -> None:
    assert of("boot/Image", OLD).version == OLD
    assert of("boot/Image").entry is not None


def test_where_nothing_starts_the_newest_is_named_with_the_reason() -> None:
    found = choose_kernel(LoaderRun("prompt", "no DEFAULT"), TREE, KERNELS)
    assert (found.version, found.entry, found.loaded) == (NEW, None, None)
    assert found.evidence == "the newest by version, as nothing starts: no DEFAULT"
    found = by_systemd_boot(entry(b""))
    assert (found.version, found.missing, found.loaded) == (NEW, "/k/linux", None)
    assert choose_kernel(LoaderRun("prompt", "x"), TREE, ()).version is None


def test_an_entry_without_initramfs() -> None:
    tree = {"loader/entries/a.conf": "linux /k\n", "k": bzimage(OLD)}
    found = by_systemd_boot(tree)
    files = initramfs_files(TREE, KERNELS[1], found.entry, found.loaded)
    assert files.paths == ()
    assert files.evidence.endswith("loads no initramfs")


def test_where_no_loader_starts_the_newest_is_what_would() -> None:
    found = choose_kernel(None, TREE, KERNELS)
    assert (found.version, found.entry, found.options) == (NEW, None, "")
    assert "the firmware starts no boot loader" in found.evidence
