"""Files that a machine can be started from without the boot loader: kernel, initramfs, and drivers for it."""

import posixpath
from collections.abc import Mapping, Sequence

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import parse_fstab
from imgtool.guest.initramfs.compression import method_at
from imgtool.guest.initramfs.locate import initramfs_files
from imgtool.guest.initramfs.reader import Reader, file_chunks
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.kmod.config import ModprobeConfig
from imgtool.guest.kmod.files import MAX_MODULE_BYTES
from imgtool.guest.kmod.load import LoadRules, ModuleLoader
from imgtool.guest.programs import Programs
from imgtool.guest.tree import GuestTree
from imgtool.model.fix import StartFiles
from imgtool.util.text import printable

PROGRAMS: Mapping[str, Sequence[str]] = {
    "/bin/sh": ("/bin/sh", "/usr/bin/sh"),
    "/bin/mount": ("/bin/mount", "/usr/bin/mount"),
    "/sbin/insmod": (
        "/bin/kmod",
        "/usr/bin/kmod",
        "/sbin/kmod",
        "/usr/sbin/kmod",
        "/bin/busybox",
        "/sbin/insmod",
    ),
    "/sbin/switch_root": (
        "/sbin/switch_root",
        "/usr/sbin/switch_root",
        "/usr/bin/switch_root",
        "/bin/busybox",
    ),
}
"""What an initramfs needs that mounts one partition, and where it may be; the first that is there counts."""
LVM: Mapping[str, Sequence[str]] = {"/sbin/lvm": ("/sbin/lvm", "/usr/sbin/lvm", "/usr/bin/lvm")}
"""What it needs besides for a logical volume."""


def start_files(
    tree: GuestTree, version: str, drivers: Sequence[str], *, own_initramfs: bool, on_lvm: bool = False
) -> StartFiles:
    """What the kernel of that version (empty: the newest) can be started from.

    The modules are those of `drivers` that are not built in. A driver that the kernel does not have is left
    out. Without `own_initramfs`, or where the guest has none, the programs for another one are given, which
    reaches a root `on_lvm` too. Raises GuestReadError where a file is missing.
    """
    kernel = _kernel(tree, version)
    if kernel.image is None:
        raise GuestReadError(f"kernel {printable(kernel.version)} has no image")
    found = initramfs_files(tree, kernel, None)
    own = found.paths[-1] if own_initramfs and found.paths and not found.unified else None
    programs = start_programs(tree, on_lvm=on_lvm) if own is None else {}
    return StartFiles(kernel.image, own, _modules(tree, kernel, drivers), programs, root_flags(tree))


def root_flags(tree: GuestTree) -> str:
    """The option by which fstab mounts a subvolume of Btrfs as `/` (btrfs(5)), as rootflags= takes it."""
    entries = parse_fstab(tree.read_text("/etc/fstab") or "")
    root = next((one for one in entries if one.mount_point == "/"), None)
    values = {name: root.option(name) for name in ("subvol", "subvolid")} if root is not None else {}
    return next((f"{name}={value}" for name, value in values.items() if value), "")


def start_programs(tree: GuestTree, *, on_lvm: bool) -> dict[str, str]:
    """The guest's programs for an initramfs, by their places in there. Raises GuestReadError without one."""
    reader, files = Programs(tree), dict[str, str]()
    for place, candidates in {**PROGRAMS, **(LVM if on_lvm else {})}.items():
        path = next((one for one in candidates if tree.is_file(one)), None)
        if path is None:
            raise GuestReadError(f"it has no {posixpath.basename(place)}, without which none can be made")
        first, *libraries = reader.files(path)
        files |= {place: first} | {one: one for one in libraries}
    return files


def _kernel(tree: GuestTree, version: str) -> InstalledKernel:
    installed = find_kernels(tree)
    named = [one for one in installed if version in {"", one.version}]
    if not named:
        raise GuestReadError(f"there is no kernel {printable(version)}".rstrip())
    return next((one for one in named if one.image is not None), named[0])


def _modules(tree: GuestTree, kernel: InstalledKernel, drivers: Sequence[str]) -> tuple[str, ...]:
    rules = LoadRules(
        is_builtin=lambda name: name in kernel.builtin,
        config=ModprobeConfig(),
        line=parse_command_line(""),
    )
    loader = ModuleLoader(tree, kernel.directory, rules)
    paths: dict[str, None] = {}
    for name in drivers:
        module = loader.find(name) if name not in kernel.builtin else None
        if module is not None:
            paths |= dict.fromkeys((*reversed(module.needs), module.path))
    return tuple(paths)


def module_bytes(tree: GuestTree, path: str) -> bytes:
    """The kernel module in the file `path`, unpacked. Raises GuestReadError."""
    stream = tree.open(path)
    if stream is None:
        raise GuestReadError("there is no such file")
    reader = Reader(file_chunks(stream))
    method = method_at(reader)
    if method is not None and method.inflate is not None:
        reader = Reader(method.inflate(reader))
    content = bytearray()
    while chunk := reader.take_chunk():
        content += chunk
        if len(content) > MAX_MODULE_BYTES:
            raise GuestReadError("it is too large")
    return bytes(content)
