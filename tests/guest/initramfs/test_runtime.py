"""What an initramfs does once it is unpacked: starts, and loads what reaches the root.

Booted once by QEMU, with Debian 12's own: trail-newline (comes up), init-noexec (the kernel starts /bin/sh),
no-directories (panics), blacklist-inside on virtio-blk (gives up waiting for the root).
"""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import Entry, compress, newc
from support.initramfs_read import KERNEL, MADE, WHOLE, reaches, read
from support.initramfs_trees import (
    MODULES,
    NAMES,
    SCRIPT,
    Tree,
    dracut,
    initramfs_tools,
    link,
    mkinitcpio,
    mkinitfs,
    packed,
    program,
    without,
)

BOTH, NEITHER, SCSI_ONLY, BLK_ONLY = (True, True), (False, False), (False, True), (True, False)


@pytest.mark.parametrize("generator", MADE)
@pytest.mark.parametrize("root", ["ext4", "xfs", "ext3"])
def test_what_each_generator_makes_reaches_the_root(generator: str, root: str) -> None:
    found = read(MADE[generator](), "root=LABEL=x", root)
    assert (found.generator, reaches(found)) == (generator, BOTH)
    assert (found.stops, found.unsure, found.obstacles) == ((), (), {})


def test_in_every_compression() -> None:
    data = packed(initramfs_tools())
    for method in ("gzip", "xz", "lzma", "zstd", "lz4"):
        assert reaches(read(compress(method, data))) == BOTH


def part(modules: bool) -> Tree:
    return {name: one for name, one in initramfs_tools().items() if ("modules/" in name) is modules}


def conf(text: str) -> Tree:
    return {**initramfs_tools(), "etc/modprobe.d/x.conf": text.encode()}


def changed(name: str, change: Callable[[bytes], bytes], tree: Tree | None = None) -> Tree:
    files = tree or initramfs_tools()
    content = files[name]
    assert isinstance(content, bytes)
    return {**files, name: change(content)}


def moded(name: str, mode: int) -> Tree:
    files = initramfs_tools()
    content = files[name]
    assert isinstance(content, Entry)
    return {**files, name: dataclasses.replace(content, mode=mode)}


ALL_BLACKLISTED = "blacklist virtio_blk\nblacklist virtio_scsi\ninstall virtio_pci /bin/false\n"
NO_INDEX = ("modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin")


@pytest.mark.parametrize(
    ("name", "tree", "expected"),
    [
        ("no-crc32c", without(initramfs_tools(), "crc32c_generic.ko"), NEITHER),
        ("no-udev", without(initramfs_tools(), "udevd", "init-top/udev"), NEITHER),
        ("no-udevd", without(initramfs_tools(), "udevd"), NEITHER),
        ("no-udev-script", without(initramfs_tools(), "init-top/udev"), NEITHER),
        ("udev-script-noexec", moded("scripts/init-top/udev", 0o100644), NEITHER),
        ("no-order", without(initramfs_tools(), "ORDER"), NEITHER),
        ("no-rule", without(initramfs_tools(), "80-drivers.rules"), NEITHER),
        ("rule-masked", {
            **initramfs_tools(), "etc/udev/rules.d/80-drivers.rules": link("/dev/null")}, NEITHER),
        ("no-moddep", without(initramfs_tools(), *NO_INDEX), NEITHER),
        ("no-modalias", without(initramfs_tools(), "modules.alias.bin"), NEITHER),
        ("init-noexec", moded("init", 0o100644), NEITHER),
        ("init-no-interpreter", {**initramfs_tools(), "init": Entry(b"#!/bin/bash\n")}, NEITHER),
        ("init-empty", {**initramfs_tools(), "init": Entry(b"")}, NEITHER),
        ("init-dangling", {**initramfs_tools(), "init": link("usr/lib/gone")}, None),
        ("no-shell", without(initramfs_tools(), "usr/bin/sh"), NEITHER),
        ("blacklist-inside", conf("blacklist virtio_blk\n"), SCSI_ONLY),
        ("blacklist-inside-all", conf(ALL_BLACKLISTED), NEITHER),
        ("blacklist-noconf", {**initramfs_tools(), "etc/modprobe.d/x": b"blacklist virtio_blk\n"}, BOTH),
        ("blacklist-but-listed", {**conf("blacklist virtio_blk\n"), "conf/modules": b"virtio-blk\n"}, BOTH),
        ("install-but-listed", {
            **conf("install virtio_blk /bin/true\n"), "conf/modules": b"virtio_blk\n"}, SCSI_ONLY),
        ("blacklist-root", conf("blacklist ext4\n"), NEITHER),
        ("mod-zerosize", changed(f"{MODULES}/kernel/virtio_pci.ko", lambda _: b""), NEITHER),
        ("mod-cut", changed(f"{MODULES}/kernel/virtio_ring.ko", lambda data: data[:-9]), NEITHER),
        ("mod-cut-blk", changed(f"{MODULES}/kernel/virtio_blk.ko", lambda data: data[:99]), SCSI_ONLY),
        ("mod-cut-root", changed(f"{MODULES}/kernel/jbd2.ko", lambda data: data[:99]), NEITHER),
        ("no-modprobe", without(initramfs_tools(), "sbin/modprobe"), NEITHER),
        ("no-modprobe-but-listed", {
            **without(initramfs_tools(), "sbin/modprobe"), "conf/modules": b"ext4\n"}, BOTH),
        ("no-sd_mod", without(initramfs_tools(), "sd_mod.ko"), BLK_ONLY),
        ("no-udev-but-listed", {
            **without(initramfs_tools(), "udevd"),
            "conf/modules": b"# by hand\nvirtio_pci\nvirtio_blk\n",
        }, BLK_ONLY),
    ],
)  # fmt: skip
def test_initramfs_tools(name: str, tree: Tree, expected: tuple[bool, bool] | None) -> None:
    found = read(tree)
    if expected is None:
        assert found.problem is not None, name
        return
    assert reaches(found) == expected, name


@pytest.mark.parametrize(
    ("name", "tree", "options", "expected"),
    [
        ("bl-virtio_blk", initramfs_tools(), "modprobe.blacklist=virtio_blk", SCSI_ONLY),
        ("bl-all-storage", initramfs_tools(), "modprobe.blacklist=virtio_blk,virtio_scsi", NEITHER),
        ("bl-scsi", initramfs_tools(), "modprobe.blacklist=virtio_scsi", BLK_ONLY),
        ("mbl-virtio_pci", initramfs_tools(), "module_blacklist=virtio_pci", NEITHER),
        ("mbl-needed", initramfs_tools(), "module_blacklist=virtio_ring", NEITHER),
        ("mbl-overridden", initramfs_tools(), "module_blacklist=virtio_pci module_blacklist=x", BOTH),
        ("mbl-dash", initramfs_tools(), "module_blacklist=virtio-pci", BOTH),
        ("mbl-virtio_net", initramfs_tools(), "module_blacklist=virtio_net", BOTH),
        ("bl-of-initramfs-tools", initramfs_tools(), "blacklist=virtio_blk,virtio_scsi", NEITHER),
        ("bl-of-the-other", initramfs_tools(), "rd.driver.blacklist=virtio_blk", BOTH),
        ("rd-bl", dracut(), "rd.driver.blacklist=virtio_blk", SCSI_ONLY),
        ("rdblacklist", dracut(), "rdblacklist=virtio-blk", SCSI_ONLY),
        ("rd-bl-of-the-other", dracut(), "blacklist=virtio_blk", BOTH),
        ("rd-bl-but-pre", dracut(), "rd.driver.blacklist=virtio_blk rd.driver.pre=virtio_blk", BOTH),
        (
            "rd-bl-in-cmdline.d",
            {**dracut(), "etc/cmdline.d/90.conf": b"rd.driver.blacklist=virtio_blk\n"},
            "",
            SCSI_ONLY,
        ),
        ("initcall", initramfs_tools(), "initcall_blacklist=virtio_blk_init", SCSI_ONLY),
        ("pci-off", initramfs_tools(), "pci=off", NEITHER),
        ("pci-nomsi", initramfs_tools(), "pci=nomsi", BOTH),
        ("bl-pci", initramfs_tools(), "modprobe.blacklist=virtio_pci", NEITHER),
        ("bl-pci-dash", initramfs_tools(), "modprobe.blacklist=virtio-pci", BOTH),
        ("bl-ring", initramfs_tools(), "modprobe.blacklist=virtio_ring,virtio", BOTH),
        ("bl-after-dashes", initramfs_tools(), "quiet -- modprobe.blacklist=virtio_blk", SCSI_ONLY),
        ("mkinitcpio-bl", {**mkinitcpio(), "config": b'MODULES="virtio_blk"'},
         "modprobe.blacklist=virtio_blk", SCSI_ONLY),
        ("mkinitfs-bl", mkinitfs(), "modprobe.blacklist=virtio_blk,virtio_scsi", NEITHER),
    ],
)  # fmt: skip
def test_the_command_line(name: str, tree: Tree, options: str, expected: tuple[bool, bool]) -> None:
    assert reaches(read(tree, options)) == expected, name


@pytest.mark.parametrize(
    ("settings", "options", "stops"),
    [
        ({"conf/initramfs.conf": b"MODULES=most\nBOOT=local\n"}, "", False),
        ({"conf/initramfs.conf": b"BOOT=nfs\n"}, "", True),
        ({"conf/initramfs.conf": b"BOOT=nfs\n", "conf/conf.d/x": b"export BOOT=local\n"}, "", False),
        ({"conf/initramfs.conf": b"BOOT=nfs\n"}, "boot=local", False),
        ({"conf/initramfs.conf": b"# BOOT=nfs\n"}, "", False),
        ({}, "boot=live", True),
        ({"scripts/live": b"mountroot() { :; }\n"}, "boot=live", False),
    ],
)
def test_the_script_that_mounts_the_root(settings: Tree, options: str, stops: bool) -> None:
    assert bool(read({**initramfs_tools(), **settings}, options).stops) is stops


@pytest.mark.parametrize(
    ("generator", "options", "stops"),
    [
        ("initramfs-tools", "break", True),
        ("initramfs-tools", "break=premount", True),
        ("initramfs-tools", "break=top,x", True),
        ("initramfs-tools", "break=nowhere", False),
        ("initramfs-tools", "break break=none", False),
        ("initramfs-tools", "rd.break", False),
        ("initramfs-tools", "debug panic=10", False),
        ("dracut", "rd.break", True),
        ("dracut", "rdbreak=pre-mount", True),
        ("dracut", "rd.break=nowhere", False),
        ("dracut", "break=premount", False),
        ("dracut", "rd.emergency", True),
        ("dracut", "rd.systemd.unit=rescue.target", True),
        ("dracut", "rd.systemd.unit=initrd.target", False),
        ("dracut", "systemd.unit=rescue.target", False),
        ("dracut", "rd.shell rd.debug", False),
        ("mkinitcpio", "break=postmount", True),
        ("mkinitfs", "break", False),
        ("mkinitfs", "single", True),
        ("mkinitfs", "quiet 1", True),
        ("mkinitcpio", "single", False),
    ],
)
def test_words_that_end_in_a_shell(generator: str, options: str, *, stops: bool) -> None:
    found = read(MADE[generator](), options)
    assert bool(found.stops) is stops
    assert not stops or "ends in a shell" in found.stops[0]


@pytest.mark.parametrize(
    ("options", "stops"),
    [
        ("acpi=off", True), ("quiet acpi=force acpi=off", True), ("acpi=off acpi=force", False),
        ("acpi=noirq", False), ("noapic", False), ("pci=off", True), ("pci=noaer,off", True),
        ("pci=noaer", False), ("root=LABEL=x -- acpi=off", False),
    ],
)  # fmt: skip
def test_words_that_hide_every_disk(options: str, *, stops: bool) -> None:
    found = read(MADE["initramfs-tools"](), options)
    assert bool(found.stops) is stops
    assert not stops or "every disk" in found.stops[0]
    arm = replace(KERNEL, config={"CONFIG_ARM64": "y"})
    assert not read(MADE["initramfs-tools"](), options, kernel=arm).stops


@pytest.mark.parametrize(
    ("name", "tree", "options", "says"),
    [
        ("rdinit", initramfs_tools(), "rdinit=/bin/sh", "starts a shell"),
        ("rdinit-gone", initramfs_tools(), "rdinit=/gone", "problem"),
        ("noexec-dracut", {**dracut(), "init": Entry(b"#!/bin/sh\n", 0o100644)}, "", None),
        ("init-is-a-link-to-a-script", {
            **initramfs_tools(), "nix": Entry(mode=0o040755), "nix/stage-1-init.sh": Entry(b"#!/bin/sh\n"),
            "init": link("nix/stage-1-init.sh")}, "", None),
        ("init-is-large", {
            **initramfs_tools(), "init": link("big"), "big": Entry(b"\x7fELF" * 40_000)}, "", None),
        ("noexec-init-given", moded("init", 0o100644), "init=/sbin/init", "panic"),
        ("noexec", moded("init", 0o100644), "", "starts a shell"),
        ("noexec-no-shell", without(moded("init", 0o100644), "usr/bin/sh"), "", "panics"),
        ("library-gone", {**initramfs_tools(), "usr/bin/sh": program("sh"), "init": link("usr/bin/gone")}, "",
         "problem"),
    ],
)  # fmt: skip
def test_what_the_kernel_starts(name: str, tree: Tree, options: str, says: str | None) -> None:
    found = read(tree, options)
    if says == "problem":
        assert found.problem is not None, name
    elif says is None:
        assert found.stops == (), name
    else:
        assert says in found.stops[0], name


RAID = (*NAMES, "raid1", "md_mod")
ASSEMBLY: Tree = {
    "usr/sbin/mdadm": program("mdadm"),
    "usr/lib/udev/rules.d/64-md-raid-assembly.rules": b"",
}


@pytest.mark.parametrize(
    ("tree", "options", "says"),
    [
        ({**initramfs_tools(RAID), **ASSEMBLY}, "", ""),
        ({**dracut(RAID), **ASSEMBLY}, "", ""),
        ({**mkinitcpio(RAID), **ASSEMBLY}, "", ""),
        (initramfs_tools(RAID), "", "no program mdadm"),
        (without({**initramfs_tools(RAID), **ASSEMBLY}, ".rules"), "", "calls mdadm"),
        ({**initramfs_tools(RAID), **ASSEMBLY, "usr/sbin/mdadm": Entry(mode=0o100644)}, "", "not executable"),
        ({**initramfs_tools(), **ASSEMBLY}, "", "missing"),
        ({**initramfs_tools((*NAMES, "raid1")), **ASSEMBLY}, "", "missing"),
        ({**dracut(RAID), **ASSEMBLY}, "modprobe.blacklist=raid1", "missing"),
    ],
)
def test_a_mirror_needs_its_module_and_what_assembles_it(tree: Tree, options: str, says: str) -> None:
    found = read(tree, options, on_raid=True)
    if says == "missing":
        assert (found.modules["raid1"], found.stops) == ("missing", ())
    else:
        assert found.modules["raid1"] == "module"
        assert says in "".join(found.stops)
        assert bool(found.stops) is bool(says)


def test_lvm_needs_its_program() -> None:
    assert read(dracut(), on_lvm=True).stops == ()
    assert "lvm" in read(without(dracut(), "sbin/lvm"), on_lvm=True).stops[0]
    listed = {
        "etc/lvm/devices/system.devices": b"VERSION=1.1.1\nIDTYPE=sys_wwid IDNAME=naa.5000 PVID=x\n",
        "etc/lvm/lvm.conf": b"devices {\n\tuse_devicesfile = 1\n}\n",
    }
    assert "another machine only" in read({**dracut(), **listed}, on_lvm=True).stops[0]
    assert read({**dracut(), **listed}).stops == ()
    assert read(without(dracut(), "sbin/lvm")).stops == ()


def test_an_archive_of_unknown_make_is_taken_by_what_is_in_it() -> None:
    tree = {**without(initramfs_tools(), "conf/initramfs.conf", "udevd", *NO_INDEX)}
    found = read(tree)
    assert (found.generator, reaches(found)) == (None, BOTH)


def test_crc32c_that_is_built_in_is_enough() -> None:
    kernel = dataclasses.replace(KERNEL, builtin=frozenset({"crc32c_generic"}))
    tree = without(initramfs_tools(), "crc32c_generic.ko")
    assert reaches(read(tree, kernel=kernel)) == BOTH
    newer = dataclasses.replace(KERNEL, needing_crc32c=frozenset())
    assert reaches(read(tree, kernel=newer)) == BOTH
    xfs = read(tree, root="xfs")
    assert xfs.obstacles == {"xfs": "libcrc32c needs crc32c, and no module in it provides that"}


# ---------------------------------------------------------------- unpacking


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("trail-newline", packed(initramfs_tools()) + b"\n", BOTH),
        ("trail-newline-gzip", compress("gzip", packed(initramfs_tools())) + b"\n", BOTH),
        ("trail-zeros", packed(initramfs_tools()) + bytes(100 << 10), BOTH),
        ("zeros-front", bytes(512) + packed(initramfs_tools()), BOTH),
        ("microcode", newc({"kernel/x86/microcode/a.bin": b"x" * 3000}, parents=True)
         + compress("zstd", packed(initramfs_tools())), BOTH),
        ("crc-format", packed(initramfs_tools()).replace(b"070701", b"070702"), BOTH),
        ("dot-slash", packed({f"./{name}": one for name, one in initramfs_tools().items()}), BOTH),
        ("slash", packed({f"/{name}": one for name, one in initramfs_tools().items()}), BOTH),
        ("no-trailer", newc(initramfs_tools(), parents=True, trailer=False), BOTH),
        ("no-directories", newc(initramfs_tools()), NEITHER),
        ("concat-xz-none", packed(part(True)) + compress("xz", packed(part(False))), BOTH),
        ("overridden-by-empty", packed(initramfs_tools()) + packed({f"{MODULES}/kernel/virtio_pci.ko": b""}),
         NEITHER),
        ("repaired-later", packed(changed(f"{MODULES}/kernel/virtio_pci.ko", lambda _: b""))
         + packed({f"{MODULES}/kernel/virtio_pci.ko": WHOLE}), BOTH),
        ("lib-becomes-a-directory", packed(initramfs_tools())
         + packed({"lib": Entry(mode=0o040755), "lib/x": b""}), NEITHER),
        ("behind-junk", packed(without(initramfs_tools(), "virtio_blk.ko")) + b"junk"
         + packed({f"{MODULES}/kernel/virtio_blk.ko": WHOLE}), SCSI_ONLY),
    ],
)  # fmt: skip
def test_unpacking(name: str, data: bytes, expected: tuple[bool, bool]) -> None:
    assert reaches(read(data)) == expected, name


def test_hard_links_share_the_content_that_comes_last() -> None:
    tree = initramfs_tools()
    tree["usr/bin/sh"] = Entry(b"", SCRIPT, inode=77, links=2)
    tree["usr/bin/zz"] = dataclasses.replace(program("sh"), inode=77, links=2)
    assert reaches(read(tree)) == BOTH
    tree["usr/bin/zz"] = Entry(b"", SCRIPT, inode=77, links=2)
    assert reaches(read(tree)) == NEITHER


def test_the_reason_is_told() -> None:
    found = read(conf("blacklist virtio_blk\n"))
    assert found.obstacles == {"virtio_blk": "/etc/modprobe.d/x.conf: blacklist virtio_blk"}
    assert found.evidence["virtio_blk"] == found.obstacles["virtio_blk"]
    found = read(without(initramfs_tools(), "udevd"))
    assert "systemd-udevd is not there" in found.obstacles["virtio_pci"]


def test_what_cannot_be_told_is_unknown() -> None:
    found = read(conf("install virtio_blk /opt/load\n"))
    assert (found.modules["virtio_blk"], found.obstacles) == ("unknown", {})


@pytest.mark.parametrize("size", range(0, 130, 3))
def test_a_program_that_is_cut_off_anywhere_is_none(size: int) -> None:
    shell = dataclasses.replace(program("sh"), body=program("sh").body[:size])
    assert "panics" in read({**initramfs_tools(), "usr/bin/sh": shell}).stops[0]


TREES = {name: packed(make()) for name, make in MADE.items()}


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(TREES)))
def test_any_damage_is_judged(source: random.Random, generator: str) -> None:
    data = bytearray(TREES[generator])
    for _ in range(source.randint(1, 12)):
        data[source.randrange(len(data))] = source.randrange(256)
    found = read(bytes(data), "root=x rdinit=/init")
    assert set(found.modules.values()) <= {"builtin", "module", "missing", "unknown"}
