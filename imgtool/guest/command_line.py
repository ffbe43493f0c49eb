"""What the boot loader gives to the kernel that boots."""

from imgtool.guest.bootloader import BootChoice, entry_version
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.text import printable

KERNEL_INSTALL_FILE = "/etc/kernel/cmdline"
"""What kernel-install(8) writes into every entry that it makes."""
MAX_BYTES = 64 << 10


def read_command_line(tree: GuestTree, boot: BootChoice, kernels: tuple[InstalledKernel, ...]) -> Known[str]:
    """Of the default entry, else of the first one of the kernel that boots, else what entries are made from.

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
