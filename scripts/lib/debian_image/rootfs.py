"""The root file system: made by mmdebstrap, then cleaned as a golden image is.

Works on a plain directory, as root or as root of a user namespace (see cli.py), so that ownership in
the directory is the guest's own.
"""

from pathlib import Path

from debian_image.commands import run
from debian_image.layout import Layout

GENERATORS = {
    "initramfs-tools": ("initramfs-tools",),
    "dracut": ("dracut", "dracut-config-generic"),
}
"""What makes the initramfs, and the packages it takes."""

KERNELS = {
    "cloud": ("linux-image-cloud-amd64",),
    "generic": ("linux-image-amd64",),
}
"""The cloud kernel has what virtual machines need, the generic one 4,000 modules."""

PACKAGES = (
    "systemd-sysv",
    "systemd-resolved",
    "udev",
    "netbase",
    "iproute2",
    "sudo",
    "openssh-server",
    "qemu-guest-agent",
    "cloud-init",
    "cloud-guest-utils",  # growpart
    "zstd",  # compresses the initramfs; without it, gzip does
    "lvm2",  # its hook has to be there when the initramfs is made
)

LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
)

CONSOLE = "console=tty0 console=ttyS0,115200"
QUICK = "norandmaps"
"""For images that are emulated: TCG translates a program anew at each address that it is loaded to."""


def mmdebstrap_command(suite: str, kernel: str, generator: str, mirror: str | None) -> list[str]:
    """The command that writes a tar archive of the root file system to standard output."""
    packages = KERNELS[kernel] + PACKAGES + GENERATORS[generator]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--format=tar",
        f"--include={','.join(packages)}",
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        '--customize-hook=chroot "$1" systemctl enable systemd-networkd',
        suite,
        "-",
        *([mirror] if mirror else []),
    ]


def unpack(archive: Path, tree: Path) -> None:
    """Unpacks the archive without its device nodes: the guest has devtmpfs, and a namespace may not mknod."""
    tree.mkdir(mode=0o755)
    run("tar", "-C", tree, "--numeric-owner", "--xattrs", "--exclude=./dev/*", "-xpf", archive)


def kernel_version(tree: Path) -> str:
    """The version of the one kernel in the tree."""
    (version,) = (path.name.removeprefix("vmlinuz-") for path in tree.glob("boot/vmlinuz-*"))
    return version


def make_golden(tree: Path, layout: Layout, words: str) -> None:
    """Takes away what belongs to one machine only, and adds what the disk's layout asks for.

    `words` are added to the kernel's command line.
    """
    for key in tree.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    resolv_conf = tree / "etc/resolv.conf"
    resolv_conf.unlink(missing_ok=True)
    resolv_conf.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    write(tree / "etc/machine-id", "")
    write(tree / "etc/hostname", "localhost\n")
    write(tree / "etc/fstab", _fstab(layout))
    write(tree / "boot/grub/grub.cfg", _grub_cfg(layout, kernel_version(tree), words))
    (tree / "boot/efi").mkdir()


def write(path: Path, text: str) -> None:
    """Writes a file of the guest anew, readable for all."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


def _fstab(layout: Layout) -> str:
    options = f"subvol={layout.subvolume}" if layout.subvolume else "defaults"
    lines = [f"{layout.root_source} / {layout.root_type} {options} 0 {int(layout.root_type == 'ext4')}"]
    if layout.separate_boot:
        lines.append(f"UUID={layout.boot_uuid} /boot ext4 defaults 0 2")
    lines.append(f"UUID={layout.esp_serial} /boot/efi vfat umask=0077 0 0")
    return "".join(f"{line}\n" for line in lines)


def _grub_cfg(layout: Layout, version: str, words: str) -> str:
    """One entry. The timeout matters: without one GRUB waits for ever at its menu on a serial console."""
    flags = f" rootflags=subvol={layout.subvolume}" if layout.subvolume else ""
    more = f" {words}" if words else ""
    return f"""\
set default=0
set timeout=1
menuentry 'Debian GNU/Linux' --class debian {{
	search --no-floppy --fs-uuid --set=root {layout.boot_uuid}
	linux {layout.boot_prefix}/vmlinuz-{version} root={layout.root_source} ro{flags} {CONSOLE}{more}
	initrd {layout.boot_prefix}/initrd.img-{version}
}}
"""
