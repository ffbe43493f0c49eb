"""systemd-boot, against menus in memory.

39 rows of MENUS were booted once, from FAT on a GPT under OVMF, by Debian's systemd-boot 252 or 257 with a
kernel that prints its command line: in each the entry started that is named here, or none did. The others
follow from systemd's own source; the order of entries also from test_systemd_boot_variations.py.
"""

import pytest
from support.boot_disks import systemd_boot
from support.kernel_images import arm64_image, bzimage
from support.systemd_boot_menus import NEW, OLD, OSREL, Tree, conf, entry, mark, run, uki
from support.unified_image import unified_image

GOOD_KEY, BAD_KEY = ("sort-key aaa", "version 1"), ("sort-key zzz", "version 9")
MENUS: dict[str, tuple[Tree, str]] = {
    # verdicts.md
    "type1": (entry("good"), "good"),
    "sortkey": (entry("good", *GOOD_KEY) | entry("bad", *BAD_KEY), "good"),
    "sortkey-bad": (entry("bad", *GOOD_KEY) | entry("good", *BAD_KEY), "bad"),
    "uki": (uki("debian-6.1", "good"), "good"),
    "uki-vs-type1-bad": (entry("bad") | uki("debian", "good"), "good"),
    "uki-vs-type1-good": (entry("good") | uki("debian", "bad"), "bad"),
    "stale-grub-bad": (
        entry("good") | {"boot/grub/grub.cfg": "menuentry x {}", "EFI/debian/grub.cfg": ""},
        "good",
    ),
    "stale-grub-good": (entry("bad") | {"EFI/debian/grub.cfg": "menuentry good {}"}, "bad"),
    "tries-exhausted": (entry("good") | entry("bad", file="zbad+0-3"), "good"),
    # openSUSE MicroOS, as sdbootutil names its entries: SNAPSHOT@KERNEL
    "microos": (
        entry(
            "old",
            "sort-key opensuse-microos",
            "version 2@6.9.3-1-default",
            file="opensuse-microos-6.9.3-1-default-2",
        )
        | entry(
            "new",
            "sort-key opensuse-microos",
            "version 10@6.9.3-1-default",
            file="opensuse-microos-6.9.3-1-default-10",
        ),
        "new",
    ),
    "microos-newer-kernel-in-an-older-snapshot": (
        entry("old", "sort-key opensuse-microos", "version 3@6.8.9-1-default")
        | entry("new", "sort-key opensuse-microos", "version 2@6.9.3-1-default"),
        "old",
    ),
    "microos-default": (
        entry("old", "sort-key o", "version 3@6.9", file="opensuse-microos-6.9.3-1-default-3")
        | entry("new", "sort-key o", "version 4@6.9", file="opensuse-microos-6.9.3-1-default-4")
        | conf("timeout 3", "console-mode keep", "default opensuse-microos-6.9.3-1-default-3.conf"),
        "old",
    ),
    # the order of names, without sort keys
    "newest-name": (entry("deb-6.1.0-9") | entry("deb-6.1.0-40"), "deb-6.1.0-40"),
    "names-in-capitals": (entry("a") | entry("b", file="B"), "b"),
    "rc-name": (entry("6.2~rc1") | entry("6.2"), "6.2"),
    # sort keys, machines, versions
    "one-sort-key": (entry("zzz") | entry("aaa", "sort-key x"), "aaa"),
    "same-key-newer-version": (
        entry("a", "sort-key d", "version 6.10") | entry("b", "sort-key d", "version 6.9"),
        "a",
    ),
    "machine-before-version": (
        entry("a", "sort-key d", "machine-id 1", "version 1")
        | entry("b", "sort-key d", "machine-id 2", "version 9"),
        "a",
    ),
    "no-machine-first": (
        entry("a", "sort-key d", "machine-id 1") | entry("b", "sort-key d"),
        "b",
    ),
    "sort-key-by-bytes": (entry("a", "sort-key b") | entry("b", "sort-key B"), "b"),
    "version-without-sort-key": (entry("a", "version 9") | entry("b", "version 1"), "b"),
    "last-line-counts": (entry("a", "sort-key z", "sort-key a") | entry("b", "sort-key b"), "a"),
    "tabs-and-quotes": (entry("a", '\tsort-key\t"a"') | entry("b", "sort-key b"), "a"),
    "keyword-in-capitals": (entry("a", "SORT-KEY a") | entry("b", "sort-key b"), "b"),
    "comment": (entry("a", "# sort-key a") | entry("b"), "b"),
    # counters
    "tries-left": (entry("good", file="good+3") | entry("bad", file="bad+0-3"), "good"),
    "more-tries-left": (
        entry("a", "version 1", file="x+1-2") | entry("b", "version 1", file="x+2-1"),
        "b",
    ),
    "fewer-tries-done": (entry("a", file="x+1-2") | entry("b", file="x+1-1"), "b"),
    "only-exhausted": (entry("a", file="a+0") | entry("b", file="b+0"), "b"),
    "exhausted-with-sort-key": (entry("a", "sort-key a", file="a+0-1") | entry("b"), "b"),
    "counter-in-the-middle": (entry("b", file="b+0.x") | entry("a1"), "b"),
    "exhausted-uki": (uki("a+0-3", "bad") | entry("good"), "good"),
    # what is not shown
    "kernel-is-a-directory": (entry("good") | entry("zbad") | {"deb/zbad/linux": {}}, "error"),
    "no-kernel-line": (entry("good") | {"loader/entries/z.conf": "title z\n"}, "good"),
    "hidden-name": (entry("good") | entry("z", file=".z"), "good"),
    "automatic-name": (entry("good") | entry("z", file="AUTO-z"), "good"),
    "other-suffix": (entry("good") | {"loader/entries/z.conf.bak": "linux /deb/good/linux\n"}, "good"),
    "suffix-in-capitals": (
        entry("a") | {"loader/entries/Z.CONF": "linux /deb/a/linux\noptions mark=z\n"},
        "z",
    ),
    "other-architecture": (entry("good") | entry("z", "architecture aa64"), "good"),
    "this-architecture": (entry("a") | entry("z", "architecture X64"), "z"),
    "architecture-as-linux-says-it": (entry("good") | entry("z", "architecture x86_64"), "good"),
    "itself": (entry("good") | {"loader/entries/z.conf": "efi \\EFI\\BOOT\\BOOTX64.EFI\n"}, "good"),
    "a-directory": (entry("good") | {"loader/entries/z.conf": {"x": ""}}, "good"),
    "uki-without-osrel": (entry("good") | uki("z", "bad", osrel=b""), "good"),
    "uki-of-no-system": (entry("good") | uki("z", "bad", osrel=b"VERSION_ID=1\n"), "good"),
    "uki-that-is-no-program": (entry("good") | {"EFI/Linux/z.efi": "text"}, "good"),
    "uki-for-arm": (entry("good") | {"EFI/Linux/z.efi": unified_image({".osrel": OSREL}, 0xAA64)}, "good"),
    # default
    "default": (entry("a") | entry("b") | conf("default a.conf"), "a"),
    "default-without-conf": (entry("a") | entry("b") | conf("default a"), "b"),
    "default-pattern": (entry("deb-1") | entry("zzz") | conf("default deb-*"), "deb-1"),
    "default-in-capitals": (entry("a") | entry("b") | conf("default A.CONF"), "a"),
    "default-of-a-file-in-capitals": (entry("a", file="DEB") | entry("z") | conf("default deb*"), "a"),
    "default-takes-the-first-fit": (entry("deb-1") | entry("deb-2") | conf("default deb-?.conf"), "deb-2"),
    "default-gone": (entry("a") | entry("b") | conf("default old.conf"), "b"),
    "default-saved": (entry("a") | entry("b") | conf("default @saved"), "b"),
    "default-unknown-word": (entry("a") | entry("b") | conf("default a.conf", "default @other"), "a"),
    "default-last-counts": (entry("a") | entry("b") | conf("default a.conf", "default b.conf"), "b"),
    "default-uki": (entry("z", "sort-key a") | uki("deb", "uki") | conf("default deb.efi"), "uki"),
    "default-exhausted": (entry("good") | entry("bad", file="bad+0-3") | conf("default bad*"), "bad"),
    "default-counted": (entry("a", file="a+3") | entry("b") | conf("default a.conf"), "a"),
    "default-key-in-capitals": (entry("a") | entry("b") | conf("Default a.conf"), "b"),
    "default-quoted": (entry("a") | entry("b") | conf('default "a.conf"'), "a"),
    "default-commented": (entry("a") | entry("b") | conf("#default a.conf"), "b"),
    "default-title": (entry("a", "title Good") | entry("b") | conf("default Good"), "b"),
    "dos-lines": ({"loader/loader.conf": "default a.conf\r\ntimeout 3\r\n"} | entry("a") | entry("b"), "a"),
    "saved-before": (entry("a") | entry("b") | conf("default @saved", "default a.conf"), "a"),
    # options and files
    "options-joined": (
        {"loader/entries/a.conf": "linux deb/k\noptions root=x\noptions mark=joined\n", "deb/k": bzimage()},
        "joined",
    ),
    "paths-in-dos-style": ({"loader/entries/a.conf": "linux \\K\noptions mark=a\n", "k": bzimage()}, "a"),
    "initrd-gone": ({"loader/entries/a.conf": "linux /k\ninitrd /i\n", "k": bzimage()}, "error"),
    "second-initrd-gone": (
        {"loader/entries/a.conf": "linux /k\ninitrd /i\ninitrd /j\n", "k": bzimage(), "i": ""},
        "error",
    ),
    "no-initrd": ({"loader/entries/a.conf": "linux /k\noptions mark=a\n", "k": bzimage()}, "a"),
    "no-options": ({"loader/entries/a.conf": "linux /k\n", "k": bzimage()}, ""),
    "kernel-empty": ({"loader/entries/a.conf": "linux /k\n", "k": ""}, "error"),
    "kernel-cut-off": ({"loader/entries/a.conf": "linux /k\n", "k": bzimage()[:5000]}, "error"),
    "kernel-for-arm": ({"loader/entries/a.conf": "linux /k\n", "k": arm64_image()}, "error"),
    "kernel-no-program": ({"loader/entries/a.conf": "linux /k\n", "k": b"\x1f\x8b" + bytes(9000)}, "error"),
    "the-first-is-broken": (
        entry("good") | {"loader/entries/z.conf": "linux /k\n", "k": "no kernel"},
        "error",
    ),
    # unified images by other ways
    "efi-names-a-uki": (
        {"loader/entries/a.conf": "efi /x/u.efi\n", "x/u.efi": uki("u", "embedded")["EFI/Linux/u.efi"]},
        "embedded",
    ),
    "efi-names-a-uki-with-options": (
        {
            "loader/entries/a.conf": "efi /x/u.efi\noptions mark=given\n",
            "x/u.efi": uki("u", "embedded")["EFI/Linux/u.efi"],
        },
        "given",
    ),
    "uki-key": (
        {"loader/entries/a.conf": "uki /x/u.efi\n", "x/u.efi": uki("u", "u")["EFI/Linux/u.efi"]},
        "firmware",
    ),
    "uki-by-image-id": (
        uki("a", "a", b"ID=z\nIMAGE_ID=a\nIMAGE_VERSION=1\n") | uki("b", "b", b"ID=b\nNAME=B\n"),
        "a",
    ),
    "uki-by-version": (
        uki("a", "a", b"ID=d\nVERSION_ID=10\n") | uki("b", "b", b"ID=d\nVERSION_ID=9\n"),
        "a",
    ),
    "uki-image-version-first": (
        uki("a", "a", b"ID=d\nIMAGE_VERSION=1\nVERSION_ID=99\n") | uki("b", "b", b"ID=d\nVERSION_ID=9\n"),
        "b",
    ),
    "uki-by-name": (uki("deb-6.1.0-9") | uki("deb-6.1.0-40"), "deb-6.1.0-40"),
    "uki-without-kernel": (
        {"EFI/Linux/a.efi": unified_image({".osrel": OSREL, ".cmdline": b"mark=a"})},
        "error",
    ),
    "uki-cut-off": ({"EFI/Linux/a.efi": uki("a")["EFI/Linux/a.efi"][:-1024]}, "error"),
    "uki-with-an-empty-kernel": (uki("a", linux=b""), "error"),
    # other programs
    "only-windows": ({"EFI/Microsoft/Boot/bootmgfw.efi": systemd_boot()}, "unknown"),
    "linux-before-windows": (entry("a") | {"EFI/Microsoft/Boot/bootmgfw.efi": systemd_boot()}, "a"),
    "default-windows": (
        entry("a") | {"EFI/Microsoft/Boot/bootmgfw.efi": systemd_boot()} | conf("default auto-windows"),
        "unknown",
    ),
    "efi-shell-by-default": (
        entry("a") | {"shellx64.efi": systemd_boot()} | conf("default auto-efi-shell"),
        "unknown",
    ),
    "memtest-first": (
        entry("a") | {"loader/entries/z.conf": "efi /m.efi\n", "m.efi": systemd_boot()},
        "unknown",
    ),
    "nothing": ({}, "firmware"),
    "nothing-at-all": (conf("auto-firmware no"), "error"),
}


@pytest.mark.parametrize(("tree", "expected"), MENUS.values(), ids=MENUS)
def test_menus(tree: Tree, expected: str) -> None:
    found = run(tree)
    assert mark(found) == expected, found.reason
    assert found.reason
    assert (found.end == "entry") == (found.booted is not None and found.booted.kernel is not None)


def test_an_entry_without_its_kernel_is_not_shown() -> None:
    tree = entry("good") | entry("zbad")
    del tree["deb/zbad/linux"]
    assert mark(run(tree)) == "good"
    assert [one.name for one in run(tree).entries] == ["good"]


@pytest.mark.parametrize(
    ("lines", "end", "seconds"),
    [
        ([], "entry", 0.0),
        (["timeout 0"], "entry", 0.0),
        (["timeout 5"], "entry", 5.0),
        (["timeout 5 "], "entry", 5.0),
        (["timeout 3", "timeout 7"], "entry", 7.0),
        (["timeout menu-force"], "menu", None),
        (["timeout 4294967295"], "menu", None),
        (["timeout 4294967296"], "entry", 0.0),
        (["timeout menu-hidden"], "entry", 0.0),
        (["timeout 9", "timeout menu-disabled"], "entry", 0.0),
        (["timeout -1"], "entry", 0.0),
        (["timeout 5s"], "entry", 0.0),
        (["timeout 5", "timeout five"], "entry", 5.0),
        (["Timeout 5"], "entry", 0.0),
        (["timeout menu-force", "timeout 0"], "entry", 0.0),
    ],
)
def test_timeouts(lines: list[str], end: str, seconds: float | None) -> None:
    found = run(entry("a") | conf(*lines))
    assert (found.end, found.seconds) == (end, seconds), found.reason
    assert found.booted is not None


def test_older_ones_know_no_menu_disabled() -> None:
    found = run(entry("a") | conf("timeout 9", "timeout menu-disabled"), OLD)
    assert found.seconds == 9


def test_a_menu_without_systems_shows_for_ten_seconds() -> None:
    tree = {"EFI/Microsoft/Boot/bootmgfw.efi": systemd_boot()}
    assert run(tree).end == "unknown"
    assert "auto-windows" in run(tree).reason


@pytest.mark.parametrize(
    ("version", "tree", "expected"),
    [
        (OLD, entry("a", file="a+3") | entry("b") | conf("default a.conf"), "b"),
        (OLD, entry("a", file="a+3") | entry("b") | conf("default a*"), "a"),
        ("258.1", {"loader/entries/a.conf": "uki /u\n", "u": uki("u", "u")["EFI/Linux/u.efi"]}, "u"),
        ("258.1", entry("good") | {"loader/entries/z.conf": "linux /k\nefi /k\n", "k": bzimage()}, "good"),
        (
            NEW,
            entry("a") | {"loader/entries/z.conf": "efi /k\nlinux /k\noptions mark=z\n", "k": bzimage()},
            "z",
        ),
        ("260", entry("a", file="a+0") | entry("b") | conf("preferred a.*", "default a*"), "a"),
        ("260", entry("a") | entry("b") | conf("preferred a*", "default b*"), "a"),
        (NEW, entry("a") | entry("b") | conf("preferred a*"), "b"),
        (OLD, entry("a", "sort-key 'a'") | entry("b", "sort-key &"), "b"),
        (NEW, entry("a", "sort-key 'a'") | entry("b", "sort-key b"), "a"),
    ],
)
def test_versions_differ(version: str, tree: Tree, expected: str) -> None:
    assert mark(run(tree, version)) == expected


def test_the_extended_boot_partition() -> None:
    found = run(entry("a") | conf("default a.conf"), xbootldr=entry("z"))
    assert mark(found) == "a"
    found = run({}, xbootldr=entry("z") | uki("deb", "uki"))
    assert mark(found) == "uki"
    assert found.booted is not None
    assert str(found.booted.kernel) == "/EFI/Linux/deb.efi on partition 2"
    assert mark(run({}, xbootldr=conf("default a.conf") | entry("a") | entry("b"))) == "b", (
        "only the ESP's counts"
    )


@pytest.mark.parametrize(
    ("tree", "filesystem", "scheme", "expected"),
    [
        ({}, "ext4", "gpt", "firmware"),
        ({"EFI/systemd/drivers/ext4x64.efi": systemd_boot()}, "ext4", "gpt", "z"),
        ({}, "vfat", "mbr", "firmware"),
    ],
)
def test_an_extended_boot_partition_that_is_not_read(tree, filesystem, scheme, expected) -> None:
    assert mark(run(tree, xbootldr=entry("z"), filesystem=filesystem, scheme=scheme)) == expected


def test_what_an_entry_loads() -> None:
    tree = entry("a", "initrd /second", "initrd /deb/a/initrd") | {"second": "2"}
    found = run(tree).booted
    assert found is not None
    assert str(found.kernel) == "/deb/a/linux on partition 1"
    assert [file.path for file in found.initrds] == ["/deb/a/initrd", "/second", "/deb/a/initrd"]
    assert found.entry.source == "/loader/entries/a.conf on partition 1"
    assert found.entry.options == "root=LABEL=root mark=a"


def test_what_a_unified_image_loads() -> None:
    found = run(uki("deb")).booted
    assert found is not None
    assert found.entry.unified
    assert (found.entry.version, found.entry.options) == ("6.1.0-deb", "root=LABEL=root mark=deb")
    assert found.entry.title == "Debian GNU/Linux 12 (bookworm)"
    assert [file.path for file in found.initrds] == ["/EFI/Linux/deb.efi"]


def test_places_and_order() -> None:
    found = run(conf("timeout 1") | entry("a") | entry("b") | uki("c"))
    assert found.places == ("/loader/loader.conf on partition 1", "/EFI/Linux/c.efi on partition 1")
    assert [one.name for one in found.entries] == ["c.efi", "b", "a"]
    assert found.reason == "Debian GNU/Linux 12 (bookworm) (c.efi, the first by sort-key debian)"


def test_what_cannot_be_read_is_unknown() -> None:
    found = run(entry("a") | {"loader/entries/z.conf": "#" * (1 << 17)})
    assert found.end == "unknown"
    assert "larger than" in found.reason
    too_many = {f"loader/entries/{n}.conf": "linux /k\n" for n in range(1001)}
    assert run(too_many | {"k": bzimage()}).end == "unknown"
