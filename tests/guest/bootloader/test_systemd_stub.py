"""What systemd's stub adds to a unified image: addons, and the profile that was chosen."""

import pytest
from support.kernel_images import bzimage
from support.systemd_boot_menus import NEW, OSREL, Tree, conf, mark, run, uki
from support.unified_image import unified_image


def addon(text: str, **more: bytes) -> bytes:
    return unified_image({".cmdline": text.encode(), **{f".{key}": value for key, value in more.items()}})


@pytest.mark.parametrize(
    ("addons", "options"),
    [
        ({"loader/addons/b.addon.efi": addon("two"), "loader/addons/a.addon.efi": addon("one\n")}, "one two"),
        (
            {
                "EFI/Linux/deb.efi.extra.d/x.addon.efi": addon("own"),
                "loader/addons/z.addon.efi": addon("all"),
            },
            "all own",
        ),
        ({"loader/addons/a.efi": addon("one")}, ""),
        ({"loader/addons/a.addon.efi": "text"}, ""),
        ({"loader/addons/a.addon.efi": addon("one", uname=b"6.1.0-deb")}, "one"),
        ({"loader/addons/a.addon.efi": addon("one", uname=b"6.1.0-x")}, ""),
        ({"loader/addons/a.addon.efi": addon("one", linux=b"kernel")}, ""),
        ({"EFI/Linux/other.efi.extra.d/x.addon.efi": addon("own")}, ""),
    ],
)
def test_addons_add_to_the_command_line(addons: Tree, options: str) -> None:
    found = run(uki("deb") | addons).booted
    assert found is not None
    assert found.entry.options == f"root=LABEL=root mark=deb {options}".strip()


def test_an_old_stub_knows_no_addons() -> None:
    stub = uki("deb", sdmagic=b"#### LoaderInfo: systemd-stub 252.39 ####")
    found = run(stub | {"loader/addons/a.addon.efi": addon("one")}).booted
    assert found is not None
    assert found.entry.options == "root=LABEL=root mark=deb"


def profiles() -> bytes:
    return unified_image(
        [
            (".osrel", OSREL),
            (".uname", b"6.1"),
            (".linux", bzimage()),
            (".initrd", b"initrd"),
            (".profile", b"ID=main\nTITLE=Main\n"),
            (".cmdline", b"mark=main"),
            (".profile", b"ID=reset\nTITLE=Factory reset\n"),
            (".cmdline", b"mark=reset"),
            (".profile", b""),
        ]
    )


@pytest.mark.parametrize(
    ("version", "lines", "expected"),
    [
        (NEW, [], "main"),
        (NEW, ["default deb.efi@reset"], "reset"),
        (NEW, ["default deb.efi"], "main"),
    ],
)
def test_profiles(version: str, lines: list[str], expected: str) -> None:
    found = run({"EFI/Linux/deb.efi": profiles()} | conf(*lines), version)
    assert mark(found) == expected
    assert [one.name for one in found.entries] == ["deb.efi", "deb.efi@reset", "deb.efi@2"]
    assert [one.title.partition(") (")[2] for one in found.entries] == [
        "Main)",
        "Factory reset)",
        "Profile #3)",
    ]
