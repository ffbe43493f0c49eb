# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""Menus of GRUB's: what each starts, by GRUB 2.06's grub-core/script, normal/menu.c and commands.

Most were booted under QEMU; the rest was read from that source. `Case.fails` says what became of them.
"""

from support.verdict_case import INITRAMFS, Case
from support.verdict_images import HEAD, Guest, entry

LOADER, ROOT = "boot-loader", "root-resolves"
GOOD, BAD = entry("good", "$V", "--id g "), entry("bad", "$B", "--id b ")
NOW = f"{HEAD}set timeout=0\n"
LOADS = "\tlinux /boot/vmlinuz-$V root=LABEL=root ro console=ttyS0,115200\n\tinitrd /boot/initrd.img-$V\n"
FUNCTION = (
    "function load {\n\tlinux /boot/vmlinuz-$1 root=LABEL=root ro console=ttyS0,115200\n\tinitrd /boot/initrd.img-$1\n}\n"
    "menuentry 'good' {\n\tload $V\n}\nmenuentry 'bad' {\n\tload $B\n}\n"
)
SUBMENU = f"submenu 'Advanced' --id adv {{\n{BAD}{GOOD}}}\n"
RECORDFAIL = (
    'load_env\nset default=0\nif [ "${recordfail}" = 1 ]; then\n  set timeout=%s\nelse\n  set timeout=0\nfi\n'
)
NEXT = (
    'load_env\nif [ "${next_entry}" ]; then\n  set default="${next_entry}"\n  set next_entry=\n  save_env next_entry\n'
    "else\n  set default=0\nfi\nset timeout=5\n"
)
SAVED = 'set timeout=0\nset default="${saved_entry}"\n'
LOADS_LINKS = "\tlinux /vmlinuz root=LABEL=root ro console=ttyS0\n\tinitrd /initrd.img\n"


def _entry(lines: str, title: str = "good") -> str:
    return f"menuentry '{title}' {{\n{lines}}}\n"


def _env(text: str) -> str:
    return f"# GRUB Environment Block\n{text}\n".ljust(1024, "#")


def _grub(name: str, text: str, fails: str | None = None, **files: str) -> Case:
    """`files` by their names in /boot/grub, a dot written as `_`."""

    def change(guest: Guest) -> None:
        guest.write("boot/grub/grub.cfg", text)
        for file, content in files.items():
            guest.write(f"boot/grub/{file.replace('_', '.')}", content)

    return Case(name, fails, change)


def _links(name: str, version: str, fails: str | None) -> Case:
    """Debian's own links in /, as its kernel packages make them."""

    def change(guest: Guest) -> None:
        guest.write("boot/grub/grub.cfg", NOW + _entry(LOADS_LINKS))
        guest.link("vmlinuz", f"boot/vmlinuz-{version}")
        guest.link("initrd.img", f"boot/initrd.img-{version}")

    return Case(name, fails, change)


GRUB_CASES = (
    _grub("semi-badsecond", f"{HEAD}set default=1; set timeout=0\n{GOOD}{BAD}", INITRAMFS),
    _grub("noset-badsecond", f"{HEAD}default=1\ntimeout=0\n{GOOD}{BAD}", INITRAMFS),
    _grub("noset-goodsecond", f"{HEAD}default=1\ntimeout=0\n{BAD}{GOOD}"),
    _grub("brace-continued", f"{NOW}menuentry 'good' \\\n{{\n{LOADS}}}\n"),
    _grub("function", NOW + FUNCTION),
    _grub("function-bad", f"{NOW}set default=1\n{FUNCTION}", INITRAMFS),
    _grub("if-platform", f'{NOW}if [ "$grub_platform" = "efi" ]; then\n  set default=0\nelse\n  set default=1\nfi\n{GOOD}{BAD}', INITRAMFS),
    _grub("configfile", f"{HEAD}configfile /boot/grub/menu.cfg\n", menu_cfg=f"set timeout=0\n{GOOD}"),
    _grub("source-default", f"{NOW}set default=0\nif [ -f $prefix/custom.cfg ]; then\n  source $prefix/custom.cfg\nfi\n{GOOD}{BAD}", INITRAMFS, custom_cfg="set default=1\n"),
    _grub("var-path-bad", NOW + "set kver=$B\n" + _entry(LOADS.replace("$V", "${kver}")), INITRAMFS),
    _grub("quoted-opts", NOW + _entry("\tlinux \"/boot/vmlinuz-$V\" \"root=LABEL=root\" 'ro' \"console=ttyS0,115200\"\n\tinitrd '/boot/initrd.img-$V'\n")),
    _grub("linux16", NOW + _entry(LOADS.replace("linux", "linux16", 1).replace("initrd", "initrd16", 1))),
    _grub("id-equals", f"{NOW}set default=new\n{entry('Debian old', '$B', '--id=old ')}{entry('Debian new', '$V', '--id=new ')}"),
    _grub("submenu-ids", f'{NOW}set default="adv>g"\n{BAD}{SUBMENU}'),
    _grub("noload-env", HEAD + SAVED + BAD + GOOD, INITRAMFS, grubenv=_env("saved_entry=g")),
    _grub("no-timeout", f"{HEAD}set default=0\n{GOOD}", LOADER),
    _grub("timeout-minus1", f"{HEAD}set default=0\nset timeout=-1\n{GOOD}", LOADER),
    _grub("lines-semi", f"{HEAD}set timeout=0;\n" + _entry(LOADS.replace("\n", ";\n"))),
    _grub("close-comment-bad", f"{NOW}set default=1\n{_entry(LOADS).rstrip()} # new\n{BAD}", INITRAMFS),
    _grub("for-loop", f"{NOW}for k in $V $B; do\n  menuentry \"Debian $k\" \"$k\" {{\n\tlinux /boot/vmlinuz-$2 root=LABEL=root ro console=ttyS0\n\tinitrd /boot/initrd.img-$2\n  }}\ndone\n"),
    _grub("search-wrong-label", "set timeout=0\n" + _entry(f"\tset root=''\n\tsearch --no-floppy --label nosuch --set=root\n{LOADS}"), LOADER),
    _grub("regexp-if", f"{NOW}if [ -e /boot/vmlinuz-$V -a -e /boot/initrd.img-$V ]; then\n\tset default=g\nelse\n\tset default=b\nfi\n{BAD}{GOOD}"),
    _grub("recordfail", HEAD + RECORDFAIL % "-1" + GOOD, LOADER, grubenv=_env("recordfail=1")),
    _grub("stale-entry", f"{NOW}set default='Debian GNU/Linux, with Linux 5.10'\n{GOOD}"),
    _grub("root-label-wrong-fs", NOW + entry("good", options="root=LABEL=ESP ro console=ttyS0"), ROOT),
    _grub("no-root-option", NOW + entry("good", options="ro console=ttyS0"), ROOT),
    # ------------------------------------------------------------ of the same kinds
    _grub("recordfail that waits 30 s", HEAD + RECORDFAIL % "30" + GOOD, grubenv=_env("recordfail=1")),
    _grub("a path of numbers", f"{NOW}set default='1>0'\n{GOOD}{SUBMENU}", INITRAMFS),
    _grub("a fallback", f"{NOW}set default=0\nset fallback=1\n{entry('gone', '5.10')}{GOOD}"),
    _grub("next_entry", HEAD + NEXT + GOOD + BAD, INITRAMFS, grubenv=_env("next_entry=b")),
    _grub("saved by its title", f"{HEAD}load_env\n{SAVED}{GOOD}{BAD}", INITRAMFS, grubenv=_env("saved_entry=bad")),
    _grub("an environment without its first line", f"{HEAD}load_env\n{SAVED}{GOOD}{BAD}", grubenv="saved_entry=bad\n".ljust(1024, "#")),
    _grub("the default reboots", NOW + _entry("\treboot\n", "again") + GOOD, LOADER),
    _grub("a timeout that is no number", f"{HEAD}set timeout=never\n{GOOD}", LOADER),
    _grub("two initrds", NOW + _entry(LOADS.replace("initrd ", "initrd /boot/initrd.img-$B "))),
    _grub("the other kernel's initrd", NOW + _entry(LOADS.replace("initrd.img-$V", "initrd.img-$B")), INITRAMFS),
    _grub("an initrd before its kernel", NOW + _entry("\tinitrd" + LOADS.split("\tinitrd")[1] + LOADS.split("\tinitrd", maxsplit=1)[0]), INITRAMFS),
    _grub("a device in the path", "set timeout=0\n" + _entry(LOADS.replace("/boot/", "(hd0,gpt2)/boot/"))),
    _grub("a search in vain that leaves root", "set timeout=0\n" + _entry(f"\tsearch --no-floppy --fs-uuid --set=root 11111111-2222-3333-4444-555555555555\n{LOADS}")),
    _grub("a password", f'{NOW}set superusers="root"\npassword root secret\n{GOOD}', LOADER),
    _grub("a password, the entry unrestricted", f'{NOW}set superusers="root"\npassword root secret\n{entry("good", "$V", "--unrestricted ")}'),
    _grub("CRLF", (NOW + GOOD).replace("\n", "\r\n")),
    _grub("a brace is lost", NOW + GOOD.rstrip().rstrip("}"), LOADER),
    _grub("a word is asked for", f"{NOW}read answer\n{GOOD}", LOADER),
    _grub("elif", f"{NOW}if false; then set default=0; elif true; then set default=1; fi\n{GOOD}{BAD}", INITRAMFS),
    _links("links in /", "$V", None),
    _links("links in / to the other kernel", "$B", INITRAMFS),
    _links("links in / that dangle", "5.10", LOADER),
)  # fmt: skip
