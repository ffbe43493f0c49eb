"""Files that a machine can be started from without the boot loader: kernel, initramfs, and drivers for it."""

from collections.abc import Sequence

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.compression import method_at
from imgtool.guest.initramfs.locate import initramfs_files
from imgtool.guest.initramfs.reader import Reader, file_chunks
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.kmod.config import ModprobeConfig
from imgtool.guest.kmod.files import MAX_MODULE_BYTES
from imgtool.guest.kmod.load import LoadRules, ModuleLoader
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable


def start_files(tree: GuestTree, version: str, drivers: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """Paths of the kernel of that version (empty: the newest) and of its initramfs, and those of modules.

    The modules are those of `drivers` that are not built in, each after what it needs. A driver that the
    kernel does not have is left out. Raises GuestReadError where a file is missing.
    """
    kernel = _kernel(tree, version)
    if kernel.image is None:
        raise GuestReadError(f"kernel {printable(kernel.version)} has no image")
    found = initramfs_files(tree, kernel, None)
    if not found.paths or found.unified:
        raise GuestReadError(f"kernel {printable(kernel.version)} has no initramfs: {found.evidence}")
    return kernel.image, found.paths[-1], _modules(tree, kernel, drivers)


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
