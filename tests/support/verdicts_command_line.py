# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""The kernel's command line, the default target, fstab: what becomes of the boot behind the kernel.

Most were booted under QEMU; the rest was read from systemd 252, Linux 6.1 and initramfs-tools 0.142.
"""

from collections.abc import Callable

from support.spoilt_copies import offset_bytes, run
from support.verdict_case import INITRAMFS, Case
from support.verdict_images import ROOT, Guest, menu

TARGET, MOUNTS, RESOLVES = "boot-target", "local-mounts", "root-resolves"
AGENT, CLOUD_INIT = "guest-agent-enabled", "cloud-init-enabled"
GONE = "UUID=11111111-2222-3333-4444-555555555555"
ETC = "etc/systemd/system"
UNIT = """[Unit]
Before=local-fs.target
[Mount]
What=/dev/disk/by-uuid/11111111-2222-3333-4444-555555555555
Where=/data
Type=ext4
"""
Change = Callable[[Guest], object]


def _words(name: str, words: str, fails: str | None = None, says: str = "") -> Case:
    """More on the command line."""
    return Case(name, fails, lambda guest: guest.write("boot/grub/grub.cfg", menu(more=words)), says=says)


def _root(name: str, root: str | Callable[[Guest], str], fails: str | None = None) -> Case:
    """Another root=."""

    def change(guest: Guest) -> None:
        guest.write("boot/grub/grub.cfg", menu(root if isinstance(root, str) else root(guest)))

    return Case(name, fails, change)


def _fstab(name: str, line: str, fails: str | None = None, more: Change = lambda _: None) -> Case:
    """One more line, and what else is done."""

    def change(guest: Guest) -> None:
        guest.append("etc/fstab", f"{line}\n")
        more(guest)

    return Case(name, fails, change)


def _target(name: str, target: str, fails: str | None = None) -> Case:
    return Case(name, fails, lambda guest: guest.link(f"{ETC}/default.target", target))


def _uuid(guest: Guest) -> str:
    start = offset_bytes(guest.image, ROOT)
    return run("blkid", "-p", "-o", "value", "-s", "UUID", "--offset", str(start), guest.image).strip()


def _partition_uuid(guest: Guest) -> str:
    return run("partx", "-rgo", "UUID", "--nr", str(ROOT), guest.image).strip()


def _fstab_in_capitals(guest: Guest) -> None:
    guest.edit("etc/fstab", "LABEL=root", f"UUID={_uuid(guest).upper()}")


def _root_options(options: str) -> Change:
    return lambda guest: guest.edit("etc/fstab", "/ ext4 defaults", f"/ ext4 {options}")


def _unit_for(where: str) -> Change:
    def change(guest: Guest) -> None:
        guest.write(f"{ETC}/data.mount", UNIT)
        guest.link(f"{ETC}/{where}/data.mount", "../data.mount")

    return change


def _crypttab(guest: Guest) -> None:
    guest.write("etc/crypttab", f"data {GONE} none luks\n")
    guest.append("etc/fstab", "/dev/mapper/data /data ext4 defaults 0 2\n")


def _no_fstab_and_rw(guest: Guest) -> None:
    guest.remove("etc/fstab")
    guest.edit("boot/grub/grub.cfg", " ro ", " rw ")


def _half(path: str) -> Change:
    def cut(guest: Guest) -> None:
        target = guest.root / guest.base.text(path)
        target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])

    return cut


COMMAND_LINE_CASES = (
    _words("rescue", "systemd.unit=rescue.target", TARGET),
    _words("single", "single", TARGET),
    _words("emergency", "emergency", TARGET),
    _words("bl-virtio_blk", "modprobe.blacklist=virtio_blk", INITRAMFS, "a virtio-scsi disk (hw_disk_bus=scsi) is reached"),
    _words("bl-all-storage", "modprobe.blacklist=virtio_blk,virtio_scsi", INITRAMFS),
    _words("acpi-off", "acpi=off", INITRAMFS),
    _words("mbl-virtio_pci", "module_blacklist=virtio_pci", INITRAMFS),
    _words("mbl-virtio_net", "module_blacklist=virtio_net", "virtio-kernel"),
    _words("mask-agent", "systemd.mask=qemu-guest-agent.service", AGENT),
    _words("mask-ci-target", "systemd.mask=cloud-init.target", CLOUD_INIT),
    _words("ci-di-policy", "ci.di.policy=disabled", CLOUD_INIT),
    _words("rootfstype-xfs", "rootfstype=xfs", RESOLVES),
    _root("root-esp-partuuid", "PARTLABEL=ESP", RESOLVES),
    _root("root-partlabel", "PARTLABEL=rootpart"),
    _root("root-vda3", "/dev/vda2"),
    _root("root-by-partlabel", "/dev/disk/by-partlabel/rootpart"),
    _root("root-uuid-upper", lambda guest: f"UUID={_uuid(guest).upper()}", RESOLVES),
    Case("root-uuid-short", RESOLVES, _fstab_in_capitals),
    _root("root-partuuid-lower", lambda guest: f"PARTUUID={_partition_uuid(guest).lower()}"),
    _words("machineid-cmdline", "systemd.machine_id=0123456789abcdef0123456789abcdef", "machine-id"),
    _target("defaulttarget-missing", "/lib/systemd/system/nosuch.target", TARGET),
    Case("no-init", TARGET, lambda guest: guest.remove("sbin/init")),
    Case("kernel-zero", "boot-loader", lambda guest: guest.write(f"boot/vmlinuz-{guest.base.good}", "")),
    _fstab("swap-missing", f"{GONE} none swap sw 0 0"),
    _fstab("automount", f"{GONE} /data ext4 noauto,x-systemd.automount 0 2"),
    _fstab("missing", f"{GONE} /data ext4 defaults 0 2", RESOLVES),
    _fstab("bad-type", "LABEL=ESP /efi2 ext4 defaults 0 0", MOUNTS),
    _fstab("bind-missing", "/srv/nosuch /mnt none bind 0 0"),
    _fstab("loop-missing", "/srv/nosuch.iso /mnt iso9660 loop,ro 0 0", MOUNTS),
    _fstab("root-opts", "", MOUNTS, _root_options("defaults,nosuchoption")),
    _fstab("cdrom", "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0"),
    _fstab("floppy", "/dev/fd0 /media/floppy auto rw,user,noauto 0 0"),
    Case("mountunit-missing", MOUNTS, _unit_for("local-fs.target.requires")),
    Case("crypttab-missing", MOUNTS, _crypttab),
    # ------------------------------------------------------------ of the same kinds
    _words("single behind --", "quiet -- single", TARGET),
    _words("a target that is not there", "systemd.unit=nosuch.target", TARGET),
    _words("a unit's name without its type", "systemd.unit=multi-user"),
    _words("init=/bin/bash", "init=/bin/bash", TARGET),
    _words("init= that is not there: initramfs-tools goes on", "init=/nosuch"),
    _words("break=", "break=mount", INITRAMFS),
    _words("a bad option for the root", "rootflags=nosuch", RESOLVES, "nosuch"),
    _words("a good option for the root", "rootflags=noatime,errors=remount-ro"),
    _words("what is built in is not kept away", "module_blacklist=ext4"),
    _words("mask-multi-user", "systemd.mask=multi-user.target", TARGET),
    _words("mask-networkd", "systemd.mask=systemd-networkd.service", "network-default"),
    _words("cloud-init=disabled", "cloud-init=disabled", CLOUD_INIT),
    _words("the last root= counts", "root=LABEL=nosuch", RESOLVES),
    _root("root-label-case", "LABEL=ROOT", RESOLVES),
    _root("root-partuuid-upper", lambda guest: f"PARTUUID={_partition_uuid(guest).upper()}", RESOLVES),
    _target("defaulttarget-poweroff", "/lib/systemd/system/poweroff.target", TARGET),
    _target("defaulttarget-runlevel3", "/usr/lib/systemd/system/runlevel3.target"),
    Case("init-no-lib", TARGET, lambda guest: guest.remove("usr/lib/x86_64-linux-gnu/libseccomp.so.2")),
    Case("initrd-zero", "initramfs-intact", lambda guest: guest.write(f"boot/initrd.img-{guest.base.good}", "")),
    _fstab("missing-nofail", f"{GONE} /data ext4 nofail 0 2"),
    _fstab("missing-netdev", f"{GONE} /data ext4 _netdev 0 2"),
    _fstab("tmpfs-bad-option", "tmpfs /scratch tmpfs defaults,nosuch=1 0 0", MOUNTS),
    _fstab("esp-bad-option", "LABEL=ESP /efi2 vfat umask=0077,nosuch 0 0", MOUNTS),
    _fstab("root-ro", "", MOUNTS, _root_options("defaults,ro")),
    _fstab("root-opts-good", "", None, _root_options("errors=remount-ro,noatime,discard")),
    _fstab("loop-missing-nofail", "/srv/nosuch.iso /mnt iso9660 loop,ro,nofail 0 0"),
    _fstab("quoted", 'LABEL="ESP" /efi2 vfat defaults 0 0'),
    Case("mountunit-missing-wanted", None, _unit_for("local-fs.target.wants")),
    Case("no fstab, and ro", MOUNTS, lambda guest: guest.remove("etc/fstab")),
    Case("no fstab, and rw", None, _no_fstab_and_rw),
)  # fmt: skip
