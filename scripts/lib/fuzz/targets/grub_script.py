"""GRUB's configuration files: run from a disk that has them, by BIOS or by UEFI."""

from functools import cache
from zlib import crc32

from grub_compare.variants import variant
from support.grub import KERNELS, Disk, environment_block
from support.memory_filesystem import Content

from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.bootloader.grub.machine import MAX_STEPS
from imgtool.guest.bootloader.grub.run import run_grub

_FEW_STEPS = 1500
_WORDS = (
    "if then elif else fi for in do done while until function menuentry submenu set shift boot normal"
    " load_env blscfg"
)
_TOKENS = (
    *_WORDS.encode().split(),
    *(b"{", b"}", b";", b"'", b'"', b"\\\n", b"$1", b"$@", b"${", b"$?", b"[ ", b" ]", b"#", b"&&"),
    *(b"set default=", b"set timeout=0", b"search --set=root --label root", b"configfile ", b"source "),
    *(b"regexp --set=1:a '(a*)*b' ", b"eval ", b"insmod regexp", b"/boot/*", b"fallback=", b"return 1"),
    *(b"linux /boot/vmlinuz-", b"initrd ", b"break 2"),
)
_SCRIPT = """load_env
set timeout=0
function load {
  linux /boot/vmlinuz-$1 root=LABEL=root ro $2
  initrd /boot/initrd.img-$1
}
if [ "${next_entry}" -a -f /boot/grub/custom.cfg ]; then
  set default="${next_entry}"
fi
search --no-floppy --label --set=root root
for version in 6.1.0-56-cloud-amd64 6.1.0-40-cloud-amd64; do
  menuentry "Linux $version" --id $version "$version" { load $2 quiet; }
done
submenu 'Advanced' --id adv {
  menuentry 'old' { load 6.1.0-40-cloud-amd64 single; }
}
while [ x$count != xaaa ]; do count=a$count; done
blscfg
"""


@cache
def _seeds() -> list[Seed]:
    made = [variant(1, number).text for number in range(40)]
    return [
        Seed(f"script-{index}", text.encode(), tokens=_TOKENS) for index, text in enumerate([_SCRIPT, *made])
    ]


@cache
def _disk() -> Disk:
    entry = "title T\nlinux /boot/vmlinuz-6.1.0-40-cloud-amd64\noptions $a b\n"
    files: dict[str, Content] = {
        **KERNELS,
        "boot/grub/grubenv": environment_block(saved_entry="adv>0", a="b"),
        "boot/grub/custom.cfg": "set default=1\n",
        "loader/entries/a.conf": entry,
        "d/f": "x",
    }
    return Disk(files)


def _run(mutant: Mutant) -> str:
    """Its content decides how: by which firmware, and with all steps or few, as endless loops use all."""
    disk = _disk()
    disk.root.tree["boot/grub/grub.cfg"] = mutant.content
    chance = crc32(mutant.content)
    start = disk.start("uefi" if chance & 1 else "bios")
    steps = MAX_STEPS if chance % 64 < 2 else _FEW_STEPS
    run = run_grub(start, disk.devices, disk.layout, max_steps=steps)
    return f"passed, {start.firmware}, {run.end}: {run.reason[:60]}"


TARGETS = (Target("grub-script", _seeds, _run, (), text=True, share=60),)
