"""The kernel's command line where the boot loader's tools keep it: words taken out, the root by UUID. Pure.

/etc/default/grub and the menu that grub-mkconfig makes of it; grubby, which keeps the entries of RHEL and
Fedora; systemd-boot's entries, which are files to be edited, and /etc/kernel/cmdline, of which kernel-install
makes later ones. Sources: grub-mkconfig(8), util/grub.d/10_linux.in, grubby(8), kernel-install(8), the Boot
Loader Specification of the UAPI group.
"""

import re
from collections.abc import Sequence

from imgtool.model.facts import Known
from imgtool.model.linux import LinuxFacts

KEPT = ("root=", "rootflags=", "rootfstype=", "console=", "ro", "rw", "BOOT_IMAGE=")
"""What is never taken out."""
PLAIN = re.compile(r"[A-Za-z0-9_.,:/@=-]+")
"""A word that can stand in a script and in a pattern."""
BY_BUS = re.compile(r"root=/dev/(?:[shv]d|xvd)[a-z]+[0-9]*|root=/dev/nvme[0-9]+n[0-9]+(?:p[0-9]+)?")
_BY_BUS_IN_SHELL = "root=/dev/[shvxn][dv][a-z0-9]*"
"""Without a group, which would be counted in `_gone`: /dev/sda1, /dev/xvda1, /dev/nvme0n1p1."""

GRUB = """\
# grub-mkconfig names the root by its UUID where udev has made this link, and udev does not run here.
for device in "$disk" "$disk"[0-9]*; do
    if uuid=$(blkid -s UUID -o value "$device") && [ ! -e "/dev/disk/by-uuid/$uuid" ]; then
        mkdir -p /dev/disk/by-uuid
        ln -s "$device" "/dev/disk/by-uuid/$uuid"
    fi
done
if command -v update-grub > /dev/null; then update-grub
elif [ -d /boot/grub2 ] && command -v grub2-mkconfig > /dev/null; then grub2-mkconfig -o /boot/grub2/grub.cfg
elif command -v grub-mkconfig > /dev/null; then grub-mkconfig -o /boot/grub/grub.cfg
else echo "there is no program that makes GRUB's configuration"; exit 1; fi
"""
_ENTRIES = "/efi/loader/entries/*.conf /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf"
"""Where systemd-boot reads them, by where its partition is mounted: bootctl(1)."""
_EDIT = r"""
for file in /etc/default/grub /etc/default/grub.d/*.cfg /etc/kernel/cmdline; do
    if [ -f "$file" ]; then sed -i -E EXPRESSIONS "$file"; fi
done
"""
_ADD = r"""
file=/etc/kernel/cmdline
if [ -f "$file" ] && ! grep -qF "WORDS" "$file"; then sed -i "1s#\$# WORDS#" "$file"; fi
"""
_GRUBBY = """\
if command -v grubby > /dev/null; then
    grubby --update-kernel=ALL WORDS
    exit 0
fi
"""
_EDIT_ENTRIES = r"""
entries=
for file in ENTRIES; do
    if [ -f "$file" ]; then entries=$file; sed -i -E LINES "$file"; fi
done
"""
_OPTIONS = "/^[[:space:]]*options[[:space:]]/"
_IN_ENTRIES_ONLY = """\
if [ -n "$entries" ] && [ ! -e /etc/default/grub ]; then exit 0; fi
"""
_UUID = """\
uuid=$(blkid -s UUID -o value "$(findmnt -n -v -o SOURCE /)")
"""
SERIAL_WORDS = "console=tty0 console=ttyS0,115200"
_CONSOLE = r"console=[^\"' ]*"
"""Any console: the last one of the command line is that of user space, and so it has to be ours."""
_SERIAL_IN_GRUB = r"""
file=/etc/default/grub
if [ -e "$file" ]; then
    grep -q '^GRUB_CMDLINE_LINUX=' "$file" || echo 'GRUB_CMDLINE_LINUX=""' >> "$file"
    sed -i -E -e "s#^(GRUB_CMDLINE_LINUX=)([^\"' ]*)[[:space:]]*\$#\1\"\2\"#" \
        -e "s#^(GRUB_CMDLINE_LINUX=.*)([\"'])[[:space:]]*\$#\1 WORDS\2#" "$file"
fi
"""


def without(words: Sequence[str]) -> str:
    """A script that takes these words, each PLAIN, off the command line of all entries."""
    gone = [_gone(re.escape(word)) for word in words]
    edit = _EDIT.replace("EXPRESSIONS", _expressions(gone))
    return edit + _entries(gone, "", f'--remove-args="{" ".join(words)}"')


def root_by_uuid() -> str:
    """A script that names the root by its UUID in all entries."""
    gone = [_gone(_BY_BUS_IN_SHELL)]
    of_grub = ("s/^GRUB_DISABLE_LINUX_UUID=/#&/", "s/^GRUB_DEVICE=/#&/")
    edit = _EDIT.replace("EXPRESSIONS", _expressions([*gone, *of_grub]))
    root = "root=UUID=$uuid"
    return _UUID + edit + _ADD.replace("WORDS", root) + _entries(gone, root, f'--args="{root}"')


def with_serial_console() -> str:
    """A script that gives all entries the serial console, behind all others."""
    gone = [_gone(_CONSOLE)] * 2  # of two that stand together, one goes at a time
    edit = _EDIT.replace("EXPRESSIONS", _expressions(gone)) + _SERIAL_IN_GRUB.replace("WORDS", SERIAL_WORDS)
    entries = _entries(gone, SERIAL_WORDS, f'--args="{SERIAL_WORDS}"')
    # grubby changes GRUB's settings too, and then they are not changed twice.
    return (
        f"if ! command -v grubby > /dev/null; then {edit}fi\n{_ADD.replace('WORDS', SERIAL_WORDS)}{entries}"
    )


def _entries(gone: Sequence[str], added: str, for_grubby: str) -> str:
    """The rest of a script: the entries, by grubby, by an edit where they are files, or by GRUB's tools."""
    lines = [f"{_OPTIONS}{one}" for one in gone]
    if added:
        lines.append(f"{_OPTIONS}{{/{added.replace('/', '.')}/!s#\\$# {added}#;}}")
    edit = _EDIT_ENTRIES.replace("ENTRIES", _ENTRIES).replace("LINES", _expressions(lines))
    return _GRUBBY.replace("WORDS", for_grubby) + edit + _IN_ENTRIES_ONLY + GRUB


def _expressions(lines: Sequence[str]) -> str:
    """Expressions for sed, in double quotes."""
    return " ".join(f'-e "{line}"' for line in lines)


def in_unified_image(linux: LinuxFacts) -> bool:
    """The command line stands in a program for UEFI, where it cannot be edited and may be signed."""
    return isinstance(linux.command_line, Known) and ".efi" in linux.command_line.evidence.casefold()


def named_by_bus(linux: LinuxFacts) -> bool:
    """The command line names the root by its bus or by its order."""
    return any(BY_BUS.fullmatch(word) for word in _words(linux))


def told_by(linux: LinuxFacts, evidence: str) -> tuple[str, ...]:
    """The words of the command line that this evidence of a finding names; none where that is not clear."""
    words = [word for word in _words(linux) if not word.startswith(KEPT) and PLAIN.fullmatch(word)]
    return tuple(dict.fromkeys(word for word in words if _is_named(word, evidence)))


def _words(linux: LinuxFacts) -> list[str]:
    return linux.command_line.value.split() if isinstance(linux.command_line, Known) else []


def _is_named(word: str, evidence: str) -> bool:
    name, equals, _ = word.partition("=")
    end = "" if equals else r"(?![\w=-])"
    return re.search(rf"(?<![\w.=-]){re.escape(name + equals)}{end}", evidence) is not None


def _gone(pattern: str) -> str:
    """An expression for sed in double quotes: the word goes, what stands around it stays."""
    return rf"s#(^|[\"' ]){pattern}([\"' ]|\$)#\1\2#g"
