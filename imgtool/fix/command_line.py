"""The kernel's command line where the boot loader's tools keep it: words taken out, the root by UUID. Pure.

/etc/default/grub and the menu that grub-mkconfig makes of it; grubby, which keeps the entries of RHEL and
Fedora. Sources: grub-mkconfig(8), util/grub.d/10_linux.in, grubby(8).
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
_BY_BUS_IN_SHELL = "root=/dev/(sd|hd|vd|xvd|nvme)[a-z0-9]*"

GRUB = """\
# grub-mkconfig names the root by its UUID where udev has made this link, and udev does not run here.
for device in /dev/vda /dev/vda[0-9]*; do
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
_EDIT = r"""
for file in /etc/default/grub /etc/default/grub.d/*.cfg /etc/kernel/cmdline; do
    if [ -f "$file" ]; then sed -i -E EXPRESSIONS "$file"; fi
done
"""
_GRUBBY = """\
if command -v grubby > /dev/null; then
    grubby --update-kernel=ALL WORDS
    exit 0
fi
"""
_UUID = """\
uuid=$(blkid -s UUID -o value "$(findmnt -n -v -o SOURCE /)")
"""


def without(words: Sequence[str]) -> str:
    """A script that takes these words, each PLAIN, off the command line of all entries."""
    expressions = " ".join(f'-e "{_gone(re.escape(word))}"' for word in words)
    grubby = _GRUBBY.replace("WORDS", f'--remove-args="{" ".join(words)}"')
    return _EDIT.replace("EXPRESSIONS", expressions) + grubby + GRUB


def root_by_uuid() -> str:
    """A script that names the root by its UUID in all entries."""
    expressions = " ".join(
        (
            f'-e "{_gone(_BY_BUS_IN_SHELL)}"',
            '-e "s/^GRUB_DISABLE_LINUX_UUID=/#&/"',
            '-e "s/^GRUB_DEVICE=/#&/"',
        )
    )
    grubby = _GRUBBY.replace("WORDS", '--args="root=UUID=$uuid"')
    return _UUID + _EDIT.replace("EXPRESSIONS", expressions) + grubby + GRUB


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
