"""One fault of each kind that `imgtool fix` repairs, in a mounted Debian, and what its repair may change."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.fix_grid import OpenGuest, packages_of
from support.real_guest import run

Spoil = Callable[[OpenGuest], None]
MENU = "boot/grub/grub.cfg"
SETTINGS = "etc/default/grub"
SERIAL = "console=ttyS0,115200"
GRUB = f"""\
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX="console=tty0 {SERIAL}"
"""
GRUB_PACKAGES = ("grub2-common", "grub-efi-amd64-bin")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
SELINUX_PACKAGES = ("policycoreutils", "selinux-policy-default")
MACHINE_ID = "0123456789abcdef0123456789abcdef\n"
ALWAYS = ("var/lib/systemd/", "dev/", "run/", "etc/.pwd.lock")
"""What any of the guest's tools may write."""
OF_DPKG = ("var/lib/dpkg/", "var/log/", "var/cache/", "etc/systemd/system/", "etc/rc", "etc/ssh/")


@dataclass(frozen=True)
class Fault:
    """One."""

    check: str
    spoil: Spoil
    changes: tuple[str, ...] = ()
    """Beginnings of the paths that the plan names, and of those that its tools write."""
    package: str | None = None
    """What is handed over for it."""
    while_running: bool = False
    """The image is taken of a machine that runs."""
    boots: bool = True
    """What it takes besides lets the boot end as a proof."""
    alone: bool = False
    """It hides other faults."""

    def __str__(self) -> str:
        return self.check


def _masked(guest: OpenGuest) -> None:
    (guest.root / "etc/systemd/system/qemu-guest-agent.service").symlink_to("/dev/null")


def _purged(package: str) -> Spoil:
    return lambda guest: guest.runs("dpkg", "--purge", "--force-depends", package)


def _secret(guest: OpenGuest) -> None:
    guest.put("root/.bash_history", "secret\n")
    shadow = guest.root / "etc/shadow"
    others = [line for line in shadow.read_text().splitlines() if not line.startswith("root:")]
    guest.put("etc/shadow", "\n".join(["root:$6$made$up:19000:0:99999:7:::", *others]) + "\n")


def _leftovers(guest: OpenGuest) -> None:
    state = guest.root / "var/lib/cloud"
    (state / "instances/i-0123/sem").mkdir(parents=True)
    (state / "instance").symlink_to("instances/i-0123")


def _rescue(guest: OpenGuest) -> None:
    link = guest.root / "etc/systemd/system/default.target"
    link.unlink(missing_ok=True)
    link.symlink_to("/usr/lib/systemd/system/rescue.target")


def _devices_file(guest: OpenGuest) -> None:
    guest.put("etc/lvm/lvmlocal.conf", "devices {\n\tuse_devicesfile = 1\n}\n")
    guest.put(
        "etc/lvm/devices/system.devices",
        "VERSION=1.1.1\nIDTYPE=sys_wwid IDNAME=naa.5000 DEVNAME=/dev/sda2 PVID=abcdef PART=2\n",
    )


def _with_packages(guest: OpenGuest, *names: str) -> None:
    packages = packages_of(guest, *names)
    run("cp", *packages, guest.root / "root")
    guest.runs("dpkg", "--install", *(f"/root/{package.name}" for package in packages))
    for package in packages:
        (guest.root / "root" / package.name).unlink()


def _with_grub(guest: OpenGuest) -> None:
    """GRUB's tools, and settings that fit the menu."""
    if (guest.root / SETTINGS).exists():
        return
    _with_packages(guest, *GRUB_PACKAGES)
    guest.put(SETTINGS, GRUB)


def _by_bus(guest: OpenGuest) -> None:
    fstab = (guest.root / "etc/fstab").read_text()
    esp = next(line.split()[0] for line in fstab.splitlines() if " /boot/efi " in line)
    guest.change("etc/fstab", esp, "/dev/sda1")
    if guest.cell.root == "lvm":
        boot = next(line.split()[0] for line in fstab.splitlines() if " /boot " in line)
        guest.change("etc/fstab", boot, "/dev/sda2")
        return
    _with_grub(guest)
    (root,) = {word for word in (guest.root / MENU).read_text().split() if word.startswith("root=UUID=")}
    guest.change(MENU, root, "root=/dev/sda2")


def _silent(guest: OpenGuest) -> None:
    _with_grub(guest)
    guest.change(MENU, SERIAL, "quiet")
    guest.change(SETTINGS, SERIAL, "quiet")


def _vendor_s_only(guest: OpenGuest) -> None:
    _with_grub(guest)
    run("mmd", "-i", guest.esp, "::/EFI/debian")
    run("mmove", "-i", guest.esp, "::/EFI/BOOT/BOOTX64.EFI", "::/EFI/debian/grubx64.efi")


def _cut(guest: OpenGuest) -> None:
    initrd = guest.root / guest.initrd[1:]
    with initrd.open("r+b") as file:
        file.truncate(initrd.stat().st_size * 2 // 3)


def _made(guest: OpenGuest, tools: str, *dracut: str) -> None:
    """Make the initramfs anew, by initramfs-tools with these settings, or by dracut with these options."""
    if guest.cell.generator == "dracut":
        guest.runs("dracut", "--force", *dracut, guest.initrd, guest.kernel)
        return
    guest.put("etc/initramfs-tools/conf.d/driver-policy", tools)
    guest.runs("mkinitramfs", "-o", guest.initrd, guest.kernel)


def _for_another_controller(guest: OpenGuest) -> None:
    """The machine that made it had its root on a loop device, and no virtio."""
    lvm = ("--add", "lvm") if guest.cell.root == "lvm" else ()
    _made(guest, "MODULES=dep\n", "--hostonly", *lvm)


def _without_virtio(guest: OpenGuest) -> None:
    guest.put("etc/initramfs-tools/modules", "ata_piix\nnvme\nsd_mod\next4\nxfs\nbtrfs\n")
    omitted = "virtio virtio_pci virtio_blk virtio_scsi virtio_net"
    _made(guest, "MODULES=list\n", "--omit-drivers", omitted)


def _unlabelled(guest: OpenGuest) -> None:
    """SELinux enforces, and the files came without their attributes."""
    _with_packages(guest, *SELINUX_PACKAGES)
    guest.put("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=default\n")
    guest.change(MENU, SERIAL, f"security=selinux {SERIAL}")


INITRAMFS = (
    "boot/initrd.img-", "etc/initramfs-tools/", "etc/dracut.conf.d", "usr/lib/modules/",
    "var/lib/initramfs-tools",
)  # fmt: skip
LOADER = ("boot/grub/", SETTINGS)

FAULTS = {
    fault.check: fault
    for fault in (
        Fault("filesystem-clean", lambda _: None, while_running=True),
        Fault("machine-id", lambda guest: guest.put("etc/machine-id", MACHINE_ID), ("etc/machine-id",)),
        Fault(
            "ssh-host-keys",
            lambda guest: guest.put("etc/ssh/ssh_host_ed25519_key", KEY),
            ("etc/ssh/ssh_host_",),
        ),
        Fault("secrets", _secret, ("root/.bash_history", "etc/shadow")),
        Fault(
            "identity",
            lambda guest: guest.put("etc/nvme/hostid", "11111111-2222-4333-8444-555555555555\n"),
            ("etc/nvme/hostid",),
        ),
        Fault(
            "mac-unpinned",
            lambda guest: guest.put(
                "etc/udev/rules.d/70-persistent-net.rules",
                'SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="eth0"\n',
            ),
            ("etc/udev/rules.d/70",),
        ),
        Fault("lvm-devices-file", _devices_file, ("etc/lvm/devices/system.devices",)),
        Fault("fstab-stable", _by_bus, ("etc/fstab", *LOADER)),
        Fault("guest-agent-installed", _purged("qemu-guest-agent"), OF_DPKG, "qemu-guest-agent"),
        Fault("cloud-init-installed", _purged("cloud-init"), OF_DPKG, "cloud-init"),
        Fault("guest-agent-enabled", _masked, ("etc/systemd/system/",)),
        Fault(
            "cloud-init-enabled",
            lambda guest: guest.put("etc/cloud/cloud-init.disabled", ""),
            ("etc/cloud/cloud-init.disabled", "etc/systemd/system/"),
        ),
        Fault(
            "cloud-init-clean", _leftovers, ("var/lib/cloud/", "var/log/cloud-init", "etc/ssh/sshd_config.d")
        ),
        Fault("boot-target", _rescue, ("etc/systemd/system/default.target",)),
        Fault("serial-console", _silent, LOADER),
        Fault("uefi-fallback", _vendor_s_only, (*LOADER, "esp:EFI/BOOT")),
        Fault("initramfs-intact", _cut, INITRAMFS, alone=True),
        Fault("initramfs-generic", _for_another_controller, INITRAMFS),
        Fault("virtio-initramfs", _without_virtio, INITRAMFS, alone=True),
        # Under Debian's policy, which enforces, cloud-init is not seen to come to its end.
        Fault("selinux-labels", _unlabelled, boots=False, alone=True),
    )
}
"""By check. What stands in all at once: each that is not `alone`."""


def files_of(package: Path) -> set[str]:
    """What a package brings along, by where that is in a system with a merged /usr."""
    shown = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    listed = subprocess.run(["tar", "-tf", "-"], input=shown, check=True, capture_output=True).stdout
    names = (line.removeprefix("./").rstrip("/") for line in listed.decode().splitlines())
    return {f"usr/{name}" if name.startswith(("bin/", "lib/", "sbin/")) else name for name in names}
