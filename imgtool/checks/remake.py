"""How an initramfs is made again, by the tool that made it: remedies to be pasted.

The guest chose the names of its kernel and its archive: they are quoted for the shell.
Sources: update-initramfs(8), dracut(8), mkinitcpio(8) and mkinitcpio.conf(5), mkinitfs(1).
"""

import shlex

from imgtool.model.kernel import Initramfs, Kernel

MKINITFS_FEATURES = {"sd_mod": "scsi", "virtio_scsi": "scsi", "dm_mod": "lvm"}
"""Module to the feature that brings it, where that is neither its own name nor `virtio`."""


def remake(archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again with the settings that are there."""
    path, version = shlex.quote(archive.path), shlex.quote(kernel.version)
    commands = {
        "initramfs-tools": f"update-initramfs -u -k {version}",
        "dracut": f"dracut --force {path} {version}",
        "mkinitcpio": "mkinitcpio -P",
        "mkinitfs": f"mkinitfs {version}",
    }
    known = commands.get(archive.generator or "")
    if known is not None:
        return f"`{known}`"
    return f"`{commands['initramfs-tools']}` or `{commands['dracut']}`"


def remake_with(modules: tuple[str, ...], archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again with these modules."""
    path, version = shlex.quote(archive.path), shlex.quote(kernel.version)
    names = " ".join(modules)
    if archive.generator == "dracut":
        return f'dracut --force --no-hostonly --add-drivers "{names}" {path} {version}'
    if archive.generator == "mkinitcpio":
        return f"sed -i 's/^MODULES=(/&{names} /' /etc/mkinitcpio.conf && mkinitcpio -P"
    if archive.generator == "mkinitfs":
        features = " ".join(dict.fromkeys(map(_feature, modules)))
        settings = "/etc/mkinitfs/mkinitfs.conf"
        return f"sed -i 's/^features=\"/&{features} /' {settings} && mkinitfs {version}"
    return f"printf '%s\\n' {names} >> /etc/initramfs-tools/modules && update-initramfs -u -k {version}"


def remake_generic(archive: Initramfs, kernel: Kernel) -> str:
    """The command that makes `archive` again for any machine."""
    path, version = shlex.quote(archive.path), shlex.quote(kernel.version)
    commands = {
        "initramfs-tools": "sed -i 's/^MODULES=.*/MODULES=most/' $(grep -rl ^MODULES= /etc/initramfs-tools) "
        f"&& update-initramfs -u -k {version}",
        "dracut": f"dracut --force --no-hostonly {path} {version}",
        "mkinitcpio": "mkinitcpio -P -S autodetect",
    }
    known = commands.get(archive.generator or "")
    return f"`{known}`" if known is not None else "set MODULES=most or hostonly=no, and make it again"


def _feature(module: str) -> str:
    return MKINITFS_FEATURES.get(module, "virtio" if module.startswith("virtio") else module)
