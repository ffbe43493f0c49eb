"""What becomes of a real Debian 12 that systemd-boot or a unified kernel image starts.

The truth is what a boot did, or what systemd-boot's source says (src/boot/efi/boot.c of systemd 252). Beside
the good kernel there is one whose initramfs has no virtio.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.guest_cases import Case, Recipe, bad, good, judge, named
from support.real_guest import RealGuest, filtered, real_guest
from support.systemd_boot_disk import FALLBACK, LOADERS, OTHER, Esp, line_of, on_a_larger_esp

pytestmark = pytest.mark.series(3)

VENDOR_S = "EFI/systemd/systemd-bootx64.efi"
REACH = "virtio-initramfs"


Put = Callable[[Esp], object]


def esp(*puts: Put) -> Recipe:
    """All of these, in this order."""

    def recipe(guest: RealGuest) -> None:
        for one in puts:
            one(ESPS[guest.image])

    return recipe


ESPS: dict[Path, Esp] = {}
"""By the image of the guest that they are of."""


def type1(name: str, more: str = "", file: str = "", linux: str = "") -> Put:
    return lambda esp: esp.type1(name, more, file, linux)


def unified(kind: str, path: str = "", line: str | None = None) -> Put:
    return lambda esp: esp.unified(kind, path, line)


def conf(text: str) -> Put:
    return lambda esp: esp.guest.esp.put("loader/loader.conf", text + "\n")


def no_kernels(esp: Esp) -> None:
    esp.guest.root.remove("boot/vmlinuz*", "boot/initrd*")


def vendor_s_only(esp: Esp) -> None:
    esp.guest.esp.move(FALLBACK, VENDOR_S)


def vendor_s_too(esp: Esp) -> None:
    esp.guest.esp.copy(FALLBACK, VENDOR_S)


MENU = """set timeout=1
menuentry 'Debian' {{
  search --no-floppy --label --set=root root
  linux /boot/vmlinuz-{kernel} {root} console=ttyS0
  initrd /boot/initrd.img-{kernel}
}}
"""


def grub_menu(root: str) -> Put:
    """Left by a GRUB that is gone."""
    return lambda esp: esp.guest.root.put(
        "boot/grub/grub.cfg", MENU.format(kernel=esp.guest.kernel, root=root)
    )


CASES = (
    good("type1", esp(type1("good"), no_kernels)),
    good("sortkey", esp(type1("good", "sort-key aaa\nversion 1"), type1("bad", "sort-key zzz\nversion 9"))),
    bad(
        "sortkey-bad",
        REACH,
        esp(type1("bad", "sort-key aaa\nversion 1"), type1("good", "sort-key zzz\nversion 9")),
    ),
    good("uki", esp(unified("good"), no_kernels)),
    good("uki-vs-type1-bad", esp(type1("bad"), unified("good"))),
    bad("uki-vs-type1-good", REACH, esp(type1("good"), unified("bad"))),
    good("stale-grub-bad", esp(type1("good"), grub_menu("root=LABEL=gone"))),
    bad("stale-grub-good", REACH, esp(type1("bad"), grub_menu("root=LABEL=root"))),
    good("uki-direct", esp(unified("good", FALLBACK), no_kernels)),
    bad("uki-direct-bad", REACH, esp(unified("bad", FALLBACK))),
    good("tries-exhausted", esp(type1("good"), type1("bad", file="zbad+0-3"))),
    good("tries-left", esp(type1("good"), type1("bad", file="abad+3"))),
    bad("tries-exhausted-good", REACH, esp(type1("good", file="zgood+0-3"), type1("bad"))),
    good("no-sort-keys", esp(type1("good"), type1("bad"))),
    bad("numbers-sort", REACH, esp(type1("good", file="9-good"), type1("bad", file="10-bad"))),
    good(
        "version-sorts",
        esp(type1("good", "sort-key debian\nversion 10"), type1("bad", "sort-key debian\nversion 9")),
    ),
    bad("default-bad", REACH, esp(type1("good"), type1("bad"), conf("default bad.conf"))),
    bad("default-pattern-bad", REACH, esp(type1("good"), type1("bad"), conf("default b*"))),
    good("default-without-ending", esp(type1("good"), type1("bad"), conf("default bad"))),
    good("default-saved", esp(type1("good"), type1("bad"), conf("default @saved"))),
    good("default-pattern-none", esp(type1("good"), type1("bad"), conf("default arch-*"))),
    bad("timeout-force", "boot-loader", esp(type1("good"), conf("timeout menu-force"))),
    good("timeout", esp(type1("good"), conf("timeout 5\neditor no"))),
    good("other-architecture", esp(type1("good"), type1("bad", "architecture aa64", "zbad"))),
    good("without-kernel", esp(type1("good"), type1("bad", file="zbad", linux="linux /deb/none/linux\n"))),
    bad("initrd-gone", "boot-loader", esp(type1("good", "initrd /deb/none/initrd"))),
    good(
        "not-conf", esp(type1("good"), lambda esp: esp.guest.esp.put("loader/entries/zbad.txt", "title x\n"))
    ),
    good("backslashes", esp(type1("good", linux=r"linux \deb\KERNEL\linux" + "\n"))),
    good("efi-of-uki", esp(unified("good", "EFI/x/u.efi"), type1("good", linux="efi /EFI/x/u.efi\n"))),
    good("two-ukis", esp(unified("bad"), unified("good"))),
    bad("uki-root-gone", "root-resolves", esp(unified("good", line="root=LABEL=gone ro console=ttyS0"))),
    bad("uki-without-root", "root-resolves", esp(unified("good", line="ro console=ttyS0"))),
    bad("no-entries", "boot-loader", esp(conf("timeout 5"))),
    bad("vendor-path-only", "uefi-fallback", esp(type1("good"), vendor_s_only)),
    good("loader-of-both", esp(type1("good"), vendor_s_too)),
)


@pytest.fixture(scope="module")
def a_guest(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGuest]:
    """Debian 12 by systemd-boot, which has no entry yet."""
    folder = tmp_path_factory.mktemp("guest")
    with real_guest(on_a_larger_esp(debian_image, folder), folder) as guest:
        (folder / "larger.raw").unlink()
        line = line_of(guest)
        shutil.rmtree(guest.root / "boot/grub")
        modules = guest.root / "usr/lib/modules"
        shutil.copytree(modules / guest.kernel, modules / OTHER, symlinks=True, copy_function=os.link)
        guest.initramfs.remove("usr/lib/modules/*/kernel/drivers/**/virtio*.ko")
        without = filtered(guest.archive(), "zstd", "-1", "-c")
        loader = guest.esp.top / FALLBACK
        loader.parent.mkdir(parents=True)
        loader.write_bytes((LOADERS / "systemd-bootx64.efi").read_bytes())
        ESPS[guest.image] = Esp(guest, without, line)
        yield guest


@pytest.mark.parametrize("case", CASES, ids=named)
def test_systemd_boot(case: Case, a_guest: RealGuest) -> None:
    judge(case, a_guest)
