"""How an initramfs is made again, by the tool that made it: remedies to be pasted.

The guest chose the names of its kernel and its archive: they are quoted for the shell, and where they cannot
be, the remedy is said without a command.
Sources: update-initramfs(8), dracut(8), mkinitcpio(8) and mkinitcpio.conf(5), mkinitfs(1).
"""

from collections.abc import Mapping

from imgtool.model.kernel import Initramfs, Kernel
from imgtool.util.text import shell_operands, shell_word

MKINITFS_FEATURES = {"sd_mod": "scsi", "virtio_scsi": "scsi", "dm_mod": "lvm"}
"""Module to the feature that brings it, where that is neither its own name nor `virtio`."""

UNTYPABLE = "with the distribution's own tool: the names of this kernel and its archive cannot be typed"


def remake(archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again with the settings that are there."""
    commands = _commands(archive, kernel, dracut="dracut --force")
    if not commands:
        return UNTYPABLE
    known = commands.get(archive.generator or "")
    if known is not None:
        return f"`{known}`"
    return f"`{commands['initramfs-tools']}` or `{commands['dracut']}`"


def remake_with(modules: tuple[str, ...], archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again with these modules."""
    names = " ".join(modules)
    dracut = f'dracut --force --no-hostonly --add-drivers "{names}"'
    commands = _commands(archive, kernel, dracut=dracut)
    if not commands:
        return f"put {names} into the initramfs {UNTYPABLE}"
    features = " ".join(dict.fromkeys(map(_feature, modules)))
    before = {
        "dracut": "",
        "mkinitcpio": f"sed -i 's/^MODULES=(/&{names} /' /etc/mkinitcpio.conf && ",
        "mkinitfs": f"sed -i 's/^features=\"/&{features} /' /etc/mkinitfs/mkinitfs.conf && ",
        "initramfs-tools": f"printf '%s\\n' {names} >> /etc/initramfs-tools/modules && ",
    }
    made_by = archive.generator or ""
    generator = made_by if made_by in commands else "initramfs-tools"
    return f"`{before[generator]}{commands[generator]}`"


def remake_generic(archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again for any machine."""
    commands = _commands(archive, kernel, dracut="dracut --force --no-hostonly")
    before = {
        "initramfs-tools": "sed -i 's/^MODULES=.*/MODULES=most/' "
        "$(grep -rl ^MODULES= /etc/initramfs-tools) && ",
        "dracut": "",
    }
    if commands and archive.generator == "mkinitcpio":
        return f"`{commands['mkinitcpio']} -S autodetect`"
    if archive.generator not in before or archive.generator not in commands:
        return "set MODULES=most or hostonly=no, and make it again"
    return f"`{before[archive.generator]}{commands[archive.generator]}`"


def _commands(archive: Initramfs, kernel: Kernel, *, dracut: str) -> Mapping[str, str]:
    """Return the commands by generator; none where the guest's names cannot be typed."""
    version, last = shell_word(kernel.version), shell_operands([kernel.version])
    operands = shell_operands([archive.path, kernel.version])
    if version is None or operands is None:
        return {}
    return {
        "initramfs-tools": f"update-initramfs -u -k {version}",
        "dracut": f"{dracut} {operands}",
        "mkinitcpio": "mkinitcpio -P",
        "mkinitfs": f"mkinitfs {last}",
    }


def _feature(module: str) -> str:
    return MKINITFS_FEATURES.get(module, "virtio" if module.startswith("virtio") else module)
