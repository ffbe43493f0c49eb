"""The cases of GRUB menus that were booted under QEMU, or that GRUB's own source decides."""

from dataclasses import dataclass

import pytest
from support.grub import BAD, ESP_UUID, GOOD, KERNELS, Disk, environment_block, run_config
from support.memory_filesystem import Content

HEAD = "insmod part_gpt\ninsmod ext2\nsearch --no-floppy --label root --set=root\n"
OPTIONS = "root=LABEL=root ro console=tty0 console=ttyS0,115200"


def _entry(title: str, version: str, extra: str = "", options: str = OPTIONS) -> str:
    return (
        f"menuentry '{title}' {extra}{{\n\tlinux /boot/vmlinuz-{version} {options}\n"
        f"\tinitrd /boot/initrd.img-{version}\n}}\n"
    )


GOOD_ENTRY, BAD_ENTRY = _entry("good", GOOD), _entry("bad", BAD)
_FUNCTION = """set timeout=0
function load {
\tlinux /boot/vmlinuz-$1 root=LABEL=root ro
\tinitrd /boot/initrd.img-$1
}
"""


@dataclass(frozen=True)
class Case:
    name: str
    config: str
    version: str = GOOD
    files: dict[str, Content] | None = None


BOOTS = [
    Case("semi-badsecond", HEAD + "set default=1; set timeout=0\n" + GOOD_ENTRY + BAD_ENTRY, BAD),
    Case("noset-badsecond", HEAD + "default=1\ntimeout=0\n" + GOOD_ENTRY + BAD_ENTRY, BAD),
    Case("noset-goodsecond", HEAD + "default=1\ntimeout=0\n" + BAD_ENTRY + GOOD_ENTRY),
    Case(
        "brace-continued",
        HEAD
        + "set default=0\nset timeout=0\nmenuentry 'good' \\\n{\n"
        + f"\tlinux /boot/vmlinuz-{GOOD} root=LABEL=root ro\n\tinitrd /boot/initrd.img-{GOOD}\n}}\n",
    ),
    Case(
        "function",
        HEAD + _FUNCTION + f"menuentry 'good' {{\n\tload {GOOD}\n}}\nmenuentry 'bad' {{\n\tload {BAD}\n}}\n",
    ),
    Case(
        "function-bad",
        HEAD
        + "set default=1\n"
        + _FUNCTION
        + f"menuentry 'good' {{\n\tload {GOOD}\n}}\nmenuentry 'b' {{\n\tload {BAD}\n}}\n",
        BAD,
    ),
    Case(
        "configfile",
        HEAD + "configfile /boot/grub/menu.cfg\n",
        files={"boot/grub/menu.cfg": "set timeout=0\n" + GOOD_ENTRY},
    ),
    Case(
        "source-default",
        HEAD
        + "set timeout=0\nset default=0\nif [ -f $prefix/custom.cfg ]; then\n"
        + "  source $prefix/custom.cfg\nfi\n"
        + GOOD_ENTRY
        + BAD_ENTRY,
        BAD,
        {"boot/grub/custom.cfg": "set default=1"},
    ),
    Case(
        "var-path-bad",
        HEAD
        + f"set timeout=0\nset kver={BAD}\nmenuentry 'bad' {{\n"
        + "\tlinux /boot/vmlinuz-${kver} root=LABEL=root ro\n"
        + "\tinitrd /boot/initrd.img-${kver}\n}\n",
        BAD,
    ),
    Case(
        "quoted-opts",
        HEAD
        + 'set timeout=0\nmenuentry "good" {\n'
        + f'\tlinux "/boot/vmlinuz-{GOOD}" "root=LABEL=root" \'ro\' "console=ttyS0,115200"\n'
        + f"\tinitrd '/boot/initrd.img-{GOOD}'\n}}\n",
    ),
    Case(
        "linux16",
        HEAD
        + "set timeout=0\n"
        + GOOD_ENTRY.replace("linux /", "linux16 /").replace("initrd /", "initrd16 /"),
    ),
    Case(
        "id-equals",
        HEAD
        + "set timeout=0\nset default=good\n"
        + _entry("Debian old", BAD, "--id=bad ")
        + _entry("Debian new", GOOD, "--id=good "),
    ),
    Case(
        "submenu-ids",
        HEAD
        + 'set timeout=0\nset default="adv>good"\n'
        + BAD_ENTRY
        + "submenu 'Advanced' --id adv {\n"
        + _entry("old", BAD, "--id bad ")
        + _entry("new", GOOD, "--id good ")
        + "}\n",
    ),
    Case(
        "noload-env",
        HEAD + 'set timeout=0\nset default="${saved_entry}"\n' + BAD_ENTRY + GOOD_ENTRY,
        BAD,
        {"boot/grub/grubenv": environment_block(saved_entry="good")},
    ),
    Case(
        "lines-semi",
        HEAD
        + "set timeout=0;\nmenuentry 'good' {\n"
        + f"\tlinux /boot/vmlinuz-{GOOD} root=LABEL=root ro console=ttyS0,115200;\n"
        + f"\tinitrd /boot/initrd.img-{GOOD};\n}}\n",
    ),
    Case(
        "close-comment-bad",
        HEAD + "set timeout=0\nset default=1\n" + GOOD_ENTRY.rstrip("\n") + " # new\n" + BAD_ENTRY,
        BAD,
    ),
    Case(
        "for-loop",
        HEAD
        + f'set timeout=0\nfor k in {GOOD} {BAD}; do\n  menuentry "Debian $k" "$k" {{\n'
        + "\tlinux /boot/vmlinuz-$2 root=LABEL=root ro console=ttyS0\n\tinitrd /boot/initrd.img-$2\n"
        + "  }\ndone\n",
    ),
    Case(
        "regexp-if",
        HEAD
        + f"set timeout=0\nif [ -e /boot/vmlinuz-{GOOD} -a -e /boot/initrd.img-{GOOD} ]; then\n"
        + "\tset default=good\n"
        + "else\n\tset default=bad\nfi\n"
        + _entry("bad", BAD, "--id bad ")
        + _entry("good", GOOD, "--id good "),
    ),
    Case(
        "stale-entry", HEAD + "set timeout=0\nset default='Debian GNU/Linux, with Linux 5.10'\n" + GOOD_ENTRY
    ),
    Case("root-label-wrong-fs", HEAD + "set timeout=0\n" + _entry("good", GOOD, options="root=LABEL=ESP ro")),
    Case("no-root-option", HEAD + "set timeout=0\n" + _entry("good", GOOD, options="ro console=ttyS0")),
]


@pytest.mark.parametrize("case", BOOTS, ids=lambda case: case.name)
def test_the_entry_that_starts(case: Case) -> None:
    run = run_config(case.config, case.files)
    assert (run.end, run.seconds) == ("entry", 0)
    assert run.booted is not None
    assert run.booted.problem == ""
    assert run.booted.entry.linux == f"/boot/vmlinuz-{case.version}"
    assert [str(one) for one in run.booted.initrds] == [f"/boot/initrd.img-{case.version} on partition 3"]
    assert run.booted.entry.version == case.version


_RECORDFAIL = (
    HEAD
    + 'load_env\nset default=0\nif [ "${recordfail}" = 1 ]; then\n  set timeout=-1\nelse\n'
    + "  set timeout=0\nfi\n"
    + GOOD_ENTRY
)


@pytest.mark.parametrize(
    ("name", "config", "files", "end", "why"),
    [
        ("no-timeout", HEAD + "set default=0\n" + GOOD_ENTRY, {}, "menu", "no timeout is set"),
        (
            "timeout-minus1",
            HEAD + "set default=0\nset timeout=-1\n" + GOOD_ENTRY,
            {},
            "menu",
            "timeout is set",
        ),
        (
            "recordfail",
            _RECORDFAIL,
            {"boot/grub/grubenv": environment_block(recordfail="1")},
            "menu",
            "waits for a key for ever",
        ),
        (
            "search-wrong-label",
            (
                "set timeout=0\nmenuentry 'good' {\n\tset root=''\n"
                "\tsearch --no-floppy --label nosuch --set=root\n"
                f"\tlinux /boot/vmlinuz-{GOOD} root=LABEL=root ro\n\tinitrd /boot/initrd.img-{GOOD}\n}}\n"
            ),
            {},
            "error",
            "no such device: nosuch",
        ),
        (
            "kernel-zero",
            HEAD + "set timeout=0\n" + GOOD_ENTRY,
            {f"boot/vmlinuz-{GOOD}": b""},
            "error",
            "premature end",
        ),
    ],
)
def test_what_never_starts(name: str, config: str, files: dict[str, Content], end: str, why: str) -> None:
    run = run_config(config, files)
    assert (run.end, run.seconds) == (end, None), name
    assert why in run.reason


def test_a_waiting_menu_says_what_a_key_would_start() -> None:
    run = run_config(HEAD + GOOD_ENTRY + BAD_ENTRY)
    assert run.booted is not None
    assert run.booted.entry.linux.endswith(GOOD)
    assert [(entry.title, entry.linux[-len(GOOD) :]) for entry in run.entries] == [
        ("good", GOOD),
        ("bad", BAD),
    ]


@pytest.mark.parametrize(("firmware", "version"), [("bios", BAD), ("uefi", GOOD)])
def test_if_platform(firmware: str, version: str) -> None:
    config = (
        HEAD
        + 'set timeout=0\nif [ "$grub_platform" = "efi" ]; then\n  set default=0\nelse\n  set default=1\nfi\n'
        + GOOD_ENTRY
        + BAD_ENTRY
    )
    run = run_config(config, firmware=firmware)  # type: ignore[arg-type]  # as much as is asked of it
    assert run.booted is not None
    assert run.booted.entry.linux.endswith(version)


def _stub(uuid: str) -> str:
    return f"search.fs_uuid {uuid} root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"


@pytest.mark.parametrize(
    ("uuid", "end"),
    [("0A1B2C3D-1111-2222-3333-444455556666", "entry"), ("11111111-2222-3333-4444-555555555555", "prompt")],
)
def test_stub_uuid_stale(uuid: str, end: str) -> None:
    disk = Disk(
        {"boot/grub/grub.cfg": "set timeout=0\n" + GOOD_ENTRY, **KERNELS},
        {"EFI/debian/grub.cfg": _stub(uuid)},
    )
    run = disk.run("uefi", prefix="/EFI/debian")
    assert run.end == end
    assert run.places[0] == "/EFI/debian/grub.cfg on partition 2"
    if end == "prompt":
        assert "no such device" in run.reason


@pytest.mark.parametrize(("label", "end"), [("root", "entry"), ("gone", "prompt")])
def test_bios_label_stale(label: str, end: str) -> None:
    disk = Disk({"boot/grub/grub.cfg": "set timeout=0\n" + GOOD_ENTRY, **KERNELS})
    script = f"search.fs_label {label} root\nset prefix=($root)/boot/grub\n"
    run = disk.run("bios", prefix="(hd0)/nowhere", script=script)
    assert run.end == end
    if end == "prompt":
        assert "no such device: gone" in run.reason


def test_esp_uuid_in_small_letters() -> None:
    disk = Disk(
        {}, {"EFI/debian/grub.cfg": f"search --fs-uuid --set {ESP_UUID.lower()}\nset timeout=0\necho $root\n"}
    )
    assert disk.run("uefi", prefix="/EFI/debian").end == "prompt"


def test_the_entries_of_submenus_stand_in_their_place() -> None:
    config = (
        HEAD
        + "set timeout=0\nset default='1>0'\n"
        + GOOD_ENTRY
        + "submenu more {\n"
        + BAD_ENTRY
        + "}\n"
        + GOOD_ENTRY
    )
    run = run_config(config)
    assert [entry.title for entry in run.entries] == ["good", "bad", "good"]
    assert run.booted is not None
    assert run.booted.entry.title == "bad"


@pytest.mark.parametrize(
    "first",
    [
        "menuentry a { echo nothing is loaded; }\n",
        "menuentry a { false; }\n",
        "menuentry a { linux /boot/gone; }\n",
        "submenu a {\n menuentry b { true; }\n}\n",
    ],
    ids=["loads nothing", "fails", "no kernel", "submenu that starts nothing"],
)
def test_an_entry_that_comes_back_is_followed_by_the_fallback(first: str) -> None:
    """Seen in grub-emu 2.06: the fallback is tried whatever the entry returned."""
    run = run_config(HEAD + "set timeout=0\nset fallback=1\n" + first + GOOD_ENTRY)
    assert run.end == "entry"
    assert run.booted is not None
    assert run.booted.entry.title == "good"
