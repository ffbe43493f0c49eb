"""What becomes of a real Debian 12 whose initramfs was changed in one point, or packed in another way.

The truth is what a boot did, or what the kernel (init/initramfs.c, lib/decompress*.c), initramfs-tools and
kmod do by their sources.
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.guest_cases import Case, Recipe, bad, both, good, judge, named, put
from support.real_guest import EditedTree, RealGuest, filtered, real_guest

pytestmark = pytest.mark.series(3)

MODULES = "usr/lib/modules/*/"
VIRTIO_PCI = f"{MODULES}kernel/drivers/virtio/virtio_pci.ko"
CONF = "etc/modprobe.d/x.conf"
UDEV = "scripts/init-top/udev"
INDEXES = f"{MODULES}modules."
ALL_BLACKLISTED = "blacklist virtio_blk\nblacklist virtio_scsi\ninstall virtio_pci /bin/false\n"
REACH = "virtio-initramfs"
WHOLE = "initramfs-intact"


def whole(make: Callable[[RealGuest], bytes]) -> Recipe:
    """The initramfs is what this makes."""
    return lambda guest: guest.root.put(guest.initrd, make(guest))


def inside(change: Callable[[EditedTree], object]) -> Recipe:
    """Other files in it."""

    def recipe(guest: RealGuest) -> None:
        change(guest.initramfs)
        guest.root.put(guest.initrd, filtered(guest.archive(), "zstd", "-1", "-c"))

    return recipe


def through(*command: str) -> Recipe:
    """Packed by another program."""
    return whole(lambda guest: filtered(guest.archive(), *command))


def without(*patterns: str) -> Recipe:
    return inside(lambda files: files.remove(*patterns))


def with_file(path: str, content: str, mode: int = 0o644) -> Recipe:
    return inside(lambda files: files.put(path, content, mode))


def as_it_was(guest: RealGuest) -> bytes:
    return (guest.root / guest.initrd).read_bytes()


def with_microcode(guest: RealGuest) -> bytes:
    """As early microcode stands in front of the files, in an archive of its own."""
    folder = guest.image.with_name("microcode")
    blob = folder / "kernel/x86/microcode/AuthenticAMD.bin"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(random.Random(1).randbytes(3000))
    names = filtered(b"", "find", ".", cwd=folder)
    return filtered(names, "cpio", "-o", "-H", "newc", "--quiet", cwd=folder) + as_it_was(guest)


def rest(guest: RealGuest) -> bytes:
    """All but the modules."""
    return guest.archive("newc", ".", "-path", "./usr/lib/modules", "-prune", "-o", "-print")


def modules(guest: RealGuest) -> bytes:
    """The modules, and the directories that they stand in."""
    above = [word for path in ("./usr", "./usr/lib", "./usr/lib/modules*") for word in ("-o", "-path", path)]
    return guest.archive("newc", ".", *above[1:])


def modules_alone(guest: RealGuest) -> bytes:
    """The kernel makes no directory that an archive does not name: it gave up waiting for the root."""
    return guest.archive("newc", "usr/lib/modules")


def packed(content: bytes) -> bytes:
    return filtered(content, "xz", "-0", "--check=crc32", "-c")


def smaller(*command: str) -> Recipe:
    """Packed by a slow program, without modules that do not matter."""
    left_out = (
        "net",
        "fs",
        "drivers/net",
        "drivers/nvme",
        "drivers/usb",
        "drivers/infiniband",
        "drivers/gpu",
    )
    found = [word for name in left_out for word in ("-path", f"./{MODULES}kernel/{name}", "-prune", "-o")]
    return whole(lambda guest: filtered(guest.archive("newc", ".", *found, "-print"), *command))


def filled(pattern: str, content: str) -> Callable[[EditedTree], object]:
    def change(files: EditedTree) -> None:
        (place,) = files.top.glob(pattern)
        files.put(str(place.relative_to(files.top)), content)

    return change


def blacklisted(text: str) -> Recipe:
    """In the guest and in its initramfs."""
    return both(put(CONF, text), with_file(CONF, text))


PACKED = (
    good("gzip", through("gzip", "-1", "-c")),
    good("lz4", through("lz4", "-l", "-c", "-1")),
    good("xz", smaller("xz", "-c", "-0", "--check=crc32")),
    good("lzma", smaller("lzma", "-c", "-0")),
    good("bzip2", smaller("bzip2", "-c", "-1")),
    good("none", whole(lambda guest: guest.archive())),
    bad("lz4-frame", WHOLE, through("lz4", "-c", "-1")),
    bad("xz-crc64", WHOLE, smaller("xz", "-c", "-0", "--check=crc64")),
    good("trail-newline", whole(lambda guest: as_it_was(guest) + b"\n")),
    good("trail-zeros", whole(lambda guest: as_it_was(guest) + bytes(100 << 10))),
    good("zeros-front", whole(lambda guest: bytes(512) + as_it_was(guest))),
    bad("junk-front", WHOLE, whole(lambda guest: b"\n" + as_it_was(guest))),
    good("microcode", whole(with_microcode)),
    good("concat-xz-none", whole(lambda guest: modules(guest) + packed(rest(guest)))),
    bad("concat-without-directories", REACH, whole(lambda guest: modules_alone(guest) + packed(rest(guest)))),
    good(
        "two-packed", whole(lambda guest: packed(rest(guest)) + filtered(modules(guest), "gzip", "-1", "-c"))
    ),
    bad("modules-behind-junk", REACH, whole(lambda guest: rest(guest) + b"junk" + modules(guest))),
    good("crc-format", whole(lambda guest: guest.archive("crc"))),
    bad("odc-format", WHOLE, whole(lambda guest: guest.archive("odc"))),
    bad("bin-format", WHOLE, whole(lambda guest: guest.archive("bin"))),
    good("dotless", whole(lambda guest: guest.archive("newc", *os.listdir(guest.initramfs.top)))),
    bad("files-only", REACH, whole(lambda guest: guest.archive("newc", ".", "!", "-type", "d"))),
    bad("cut", WHOLE, whole(lambda guest: as_it_was(guest)[: -(1 << 20)])),
    bad("empty", WHOLE, whole(lambda guest: b"")),
    bad("text", WHOLE, whole(lambda guest: b"<html>404 Not Found</html>\n" * 100)),
    bad("gone", REACH, lambda guest: guest.root.remove(guest.initrd)),
)
FILES = (
    bad("no-moddep", REACH, without(f"{INDEXES}*")),
    good("no-text-indexes", without(*(f"{INDEXES}{name}" for name in ("dep", "alias", "symbols")))),
    bad("no-dep-bin", REACH, without(f"{INDEXES}dep.bin")),
    bad("no-alias-bin", REACH, without(f"{INDEXES}alias.bin")),
    bad("no-udev", REACH, without("usr/lib/systemd/systemd-udevd", "usr/bin/udevadm", UDEV)),
    bad("no-udevadm", REACH, without("usr/bin/udevadm")),
    bad("udev-script-noexec", REACH, inside(lambda files: files.chmod(UDEV, 0o644))),
    bad("udev-not-in-order", REACH, with_file("scripts/init-top/ORDER", "/scripts/init-top/keymap\n")),
    bad("no-driver-rules", REACH, without("usr/lib/udev/rules.d/80-drivers.rules")),
    bad(
        "driver-rules-masked",
        REACH,
        inside(lambda files: files.link("etc/udev/rules.d/80-drivers.rules", "/dev/null")),
    ),
    bad("init-noexec", REACH, inside(lambda files: files.chmod("init", 0o644))),
    bad("init-gone", WHOLE, without("init")),
    bad("init-crlf", REACH, inside(lambda files: files.change("init", "\n", "\r\n"))),
    bad("init-interpreter", REACH, inside(lambda files: files.change("init", "#!/bin/sh", "#!/bin/bash"))),
    bad("no-libc", REACH, without("usr/lib/x86_64-linux-gnu/libc.so.6")),
    bad("no-shell", REACH, without("usr/bin/sh")),
    good("no-kmod", without("usr/bin/kmod")),
    bad("no-ring", REACH, without(f"{MODULES}kernel/drivers/virtio/virtio_ring.ko")),
    bad(
        "no-block-driver",
        REACH,
        without(
            f"{MODULES}kernel/drivers/block/virtio_blk.ko", f"{MODULES}kernel/drivers/scsi/virtio_scsi.ko"
        ),
    ),
    good("ext4-built-in", with_file(CONF, "install ext4 /bin/false\n")),
    bad("other-kernel", REACH, inside(lambda files: files.move("usr/lib/modules", "usr/lib/old"))),
    bad("mod-zerosize", REACH, inside(filled(VIRTIO_PCI, ""))),
    bad("mod-text", REACH, inside(filled(VIRTIO_PCI, "no module\n"))),
    bad("blacklist-inside", REACH, blacklisted("blacklist virtio_blk\n")),
    bad("blacklist-dash", REACH, blacklisted("blacklist virtio-blk\n")),
    bad("blacklist-inside-all", REACH, blacklisted(ALL_BLACKLISTED)),
    good("blacklist-not-read", with_file("etc/modprobe.d/x.txt", "blacklist virtio_blk\n")),
    good("blacklist-comment", with_file(CONF, "# blacklist virtio_blk\nblacklist virtio_blkx\n")),
    good("blacklist-outside-only", put(CONF, "blacklist virtio_blk\n")),
    good(
        "listed-though-blacklisted",
        both(with_file(CONF, "blacklist virtio_blk\n"), with_file("conf/modules", "virtio_blk\n")),
    ),
    good("options-unknown", with_file(CONF, "options virtio_blk nosuch=1\n")),
    bad("boot-nfs", REACH, with_file("conf/conf.d/boot", "BOOT=nfs\n")),
    bad("boot-script-gone", REACH, with_file("conf/conf.d/boot", "BOOT=live\n")),
    good("boot-local", with_file("conf/conf.d/boot", "BOOT=local\n")),
    good(
        "resume-gone", with_file("conf/conf.d/resume", "RESUME=UUID=11111111-2222-3333-4444-555555555555\n")
    ),
    good("root-in-conf", with_file("conf/conf.d/root", "ROOT=/dev/sda1\n")),
)


@pytest.fixture(scope="module")
def a_guest(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGuest]:
    """Debian 12, with initramfs-tools."""
    with real_guest(debian_image, tmp_path_factory.mktemp("guest")) as guest:
        yield guest


@pytest.mark.parametrize("case", [*PACKED, *FILES], ids=named)
def test_initramfs(case: Case, a_guest: RealGuest) -> None:
    judge(case, a_guest)
