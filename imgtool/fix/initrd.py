"""What the sealed machine's kernel unpacks behind, or in place of, the guest's own initramfs. Pure.

Linux unpacks archives that stand one behind the other, the later over the earlier
(Documentation/driver-api/early-userspace/buffer-format.rst); `rdinit=` names the first program. Ours loads
virtio from the guest's own modules, which its initramfs may lack, and gives way to the guest's /init. Where
the guest's initramfs is of no use, ours mounts the root by itself, with the guest's own programs.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

FOLDER = "imgtool"
FIRST_PROGRAM = f"/{FOLDER}/init"
ALIGNMENT = 512
"""Before an archive of ours, where the one before it ends anywhere; the kernel skips zeros between them."""
_DIRECTORY, _PROGRAM, _FILE = 0o040755, 0o100755, 0o100644
_PLACES = ("dev", "proc", "root", "run", "sys")
_LOADING = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
load() {
    insmod "$1" || kmod insmod "$1" || busybox insmod "$1" || true
}
"""
_BEHIND = (
    _LOADING
    + """\
[ -e /proc/modules ] || { mkdir -p /proc; mount -t proc proc /proc; }
MODULES
umount /proc
exec /init "$@"
"""
)
_ALONE = (
    _LOADING
    + """\
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
MODULES
ACTIVATION
mount -t TYPE OPTIONS DEVICE /root
exec switch_root /root /bin/sh
"""
)
LVM_CONFIG = (
    "devices{use_devicesfile=0 obtain_device_list_from_udev=0}"
    " activation{udev_sync=0 udev_rules=0 monitoring=0}"
)
"""Without udev, and without the list of the devices of another machine."""
_ACTIVATION = f"lvm vgchange --activate y --config '{LVM_CONFIG}'"


def appended(modules: Sequence[bytes]) -> bytes:
    """The archive that goes behind the guest's; `modules` in the order in which they are loaded."""
    return _archive(_BEHIND, modules, {})


def alone(
    modules: Sequence[bytes], programs: Mapping[str, bytes], device: str, kind: str, options: str
) -> bytes:
    """An archive that mounts the root from `device`, a file system of type `kind`, by `options` of mount(8).

    `programs` are files by their paths, /bin/sh, mount, insmod and switch_root with their libraries; and lvm
    where the device is a logical volume.
    """
    chosen = f"-o {options}" if options else "-o ro"
    activation = _ACTIVATION if "/sbin/lvm" in programs else ""
    program = (
        _ALONE.replace("ACTIVATION", activation)
        .replace("TYPE", kind)
        .replace("OPTIONS", chosen)
        .replace("DEVICE", device)
    )
    return _archive(program, modules, programs)


def padding(size_bytes: int) -> bytes:
    """Zeros up to the next boundary behind an archive of that size."""
    return bytes(-size_bytes % ALIGNMENT)


def _archive(program: str, modules: Sequence[bytes], programs: Mapping[str, bytes]) -> bytes:
    loads = "\n".join(f"load /{FOLDER}/{number}.ko 2> /dev/null" for number in range(len(modules)))
    files = {path.lstrip("/"): (_PROGRAM, content) for path, content in programs.items()}
    files[FIRST_PROGRAM[1:]] = (_PROGRAM, program.replace("MODULES", loads).encode())
    files |= {f"{FOLDER}/{number}.ko": (_FILE, content) for number, content in enumerate(modules)}
    folders = dict.fromkeys((*_PLACES, *(up for path in files for up in _above(path))))
    members = [(path, _DIRECTORY, b"") for path in sorted(folders)]
    members += [(path, mode, content) for path, (mode, content) in files.items()]
    members.append(("TRAILER!!!", 0, b""))
    return b"".join(part for number, one in enumerate(members) for part in _member(number, *one))


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _member(number: int, name: str, mode: int, content: bytes) -> Iterator[bytes]:
    """One entry in the `newc` format of cpio(5)."""
    path = name.encode() + b"\0"
    fields = (number + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    yield head + path + bytes(-(len(head) + len(path)) % 4)
    yield content + bytes(-len(content) % 4)
