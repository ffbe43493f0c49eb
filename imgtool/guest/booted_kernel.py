"""What the boot loader starts: a kernel image that is whole and for this machine, and its command line."""

from imgtool.guest.bootloader.choose import BootChoice, entry_version
from imgtool.guest.bootloader.entry import located
from imgtool.guest.bootloader.kernel_image import architecture_problem, read_kernel_image
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.util.text import printable

SMALLEST_BYTES = 1024
"""What the boot sector and the setup header of an x86 kernel take; headers of others are as long."""
RUNS_ON = {"i386": "x86_64", "i486": "x86_64", "i586": "x86_64", "i686": "x86_64", "armv7l": "aarch64"}
"""Systems whose programs a kernel for another machine runs as well."""


def kernel_image_problem(
    tree: GuestTree, boot: BootChoice, kernel: InstalledKernel, architecture: Fact[str]
) -> str | None:
    """What is wrong with the image of the kernel that boots, with its path; None where nothing is.

    A unified kernel image is a program of the firmware's, and judged there.
    """
    if boot.entry is not None and boot.entry.unified:
        return None
    loaded = boot.loaded.kernel if boot.loaded is not None else None
    path = str(loaded) if loaded is not None else _path(tree, boot, kernel)
    if path is None:
        return None
    try:
        if loaded is not None:
            image = read_kernel_image(loaded.open(), loaded.size_bytes)
        else:
            stream = tree.open(path)
            if stream is None:
                return f"{printable(path)} is no regular file"
            image = read_kernel_image(stream, tree.size_bytes(path))
    except GuestReadError as error:
        return f"{printable(path)}: {error}"
    problem = image.problem
    if not problem and image.size_bytes < SMALLEST_BYTES:
        problem = f"it is cut off: {image.size_bytes} bytes are no kernel"
    if not problem and isinstance(architecture, Known):
        problem = architecture_problem(image, RUNS_ON.get(architecture.value, architecture.value))
    return f"{printable(path)}: {problem}" if problem else None


def _path(tree: GuestTree, boot: BootChoice, kernel: InstalledKernel) -> str | None:
    named = located(tree, boot.entry, boot.entry.linux) if boot.entry is not None else None
    return named or kernel.image


KERNEL_INSTALL_FILE = "/etc/kernel/cmdline"
"""What kernel-install(8) writes into every entry that it makes."""
MAX_BYTES = 64 << 10


def read_command_line(tree: GuestTree, boot: BootChoice, kernels: tuple[InstalledKernel, ...]) -> Known[str]:
    """Return the command line of the default entry, the booting kernel's first, or the entries' template.

    The evidence is the guest path of the file. Raises GuestReadError where none says it.
    """
    matching = (entry for entry in boot.entries if entry_version(tree, entry, kernels) == boot.version)
    entry = boot.entry or next(matching, None)
    if entry is not None:
        return Known(entry.options, printable(entry.source))
    content = tree.read_bytes(KERNEL_INSTALL_FILE, MAX_BYTES)
    if content is None:
        raise GuestReadError(f"no boot entry says it: {boot.evidence}")
    return Known(" ".join(content.decode("utf-8", "replace").split()), KERNEL_INSTALL_FILE)
