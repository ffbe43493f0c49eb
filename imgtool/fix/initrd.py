"""What the sealed machine's kernel unpacks behind the initramfs: drivers and a first program. Pure.

Linux unpacks archives that stand one behind the other, the later over the earlier
(Documentation/driver-api/early-userspace/buffer-format.rst); `rdinit=` names the first program. Ours loads
virtio from the guest's own modules, which its initramfs may lack, and gives way to the guest's /init.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FOLDER = "imgtool"
FIRST_PROGRAM = f"/{FOLDER}/init"
ALIGNMENT = 512
"""Before an archive of ours, where the one before it ends anywhere; the kernel skips zeros between them."""
_DIRECTORY, _PROGRAM, _FILE = 0o040755, 0o100755, 0o100644
_INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
load() {
    insmod "$1" || kmod insmod "$1" || busybox insmod "$1" || true
}
[ -e /proc/modules ] || { mkdir -p /proc; mount -t proc proc /proc; }
MODULES
umount /proc
exec /init "$@"
"""


@dataclass(frozen=True, slots=True)
class Module:
    """A kernel module, unpacked."""

    name: str
    content: bytes


def appended(modules: Sequence[Module]) -> bytes:
    """The archive that goes behind the guest's; `modules` in the order in which they are loaded."""
    loads = "\n".join(f"load /{FOLDER}/{number}.ko 2> /dev/null" for number in range(len(modules)))
    program = _INIT.replace("MODULES", loads).encode()
    members = [
        (FOLDER, _DIRECTORY, b""),
        (FIRST_PROGRAM[1:], _PROGRAM, program),
        *((f"{FOLDER}/{number}.ko", _FILE, one.content) for number, one in enumerate(modules)),
        ("TRAILER!!!", 0, b""),
    ]
    return b"".join(part for number, one in enumerate(members) for part in _member(number, *one))


def padding(size_bytes: int) -> bytes:
    """Zeros up to the next boundary behind an archive of that size."""
    return bytes(-size_bytes % ALIGNMENT)


def _member(number: int, name: str, mode: int, content: bytes) -> Iterator[bytes]:
    """One entry in the `newc` format of cpio(5)."""
    path = name.encode() + b"\0"
    fields = (number + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    yield head + path + bytes(-(len(head) + len(path)) % 4)
    yield content + bytes(-len(content) % 4)
