"""For each check, how an image is spoilt so that it fails this one and no other.

A fault is done to the files of a layout before they become a disk, or to the finished image. Each is what
really happens to images, and is made as it happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from support.images import convert, patch, qemu_img, qemu_io, read_u64
from support.layouts import Guest, Link, partuuid, write_initramfs, write_tree

MIB = 1 << 20
OFFSET_MASK = 0x00FFFFFFFFFFFE00
CLUSTER = 64 << 10
UNIT = "etc/systemd/system/qemu-guest-agent.service"
SETTINGS = "etc/sysconfig/qemu-ga"
RULE = "usr/lib/udev/rules.d/99-qemu-guest-agent.rules"
OVERRIDE = "etc/udev/rules.d/60-qemu-guest-agent.rules"
PORT_LINK = (
    r"etc/systemd/system/dev-virtio\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service"
)
DEBIAN_MODULES = "usr/lib/modules/5.10.0-30-cloud-amd64/kernel"
ROOT_OF_DEBIAN = 6 * MIB
VIRTIO_DISKS = ("virtio_blk", "virtio_scsi")

Spoil = Callable[[Guest], None]
Afterwards = Callable[[Path], Path]
"""Changes the finished image, and gives the one to look at."""


@dataclass(frozen=True)
class Fault:
    """One way to fail one check."""

    check: str
    layout: str
    """Its name, or that of a fixture that has the fault."""
    spoil: Spoil | None = None
    afterwards: Afterwards | None = None


def put(path: str, content: str | Link) -> Spoil:
    """A file or link more, or a file with other content."""
    return lambda guest: write_tree(guest.root, {path: content})


def remove(*paths: str) -> Spoil:
    """Files that are not there."""

    def spoil(guest: Guest) -> None:
        for path in paths:
            (guest.root / path).unlink()

    return spoil


def change(path: str, old: str, new: str) -> Spoil:
    """Other words in a file."""

    def spoil(guest: Guest) -> None:
        file = guest.root / path
        text = file.read_text()
        assert old in text, f"{path} has no {old}"
        file.write_text(text.replace(old, new))

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    """One after the other."""

    def spoil(guest: Guest) -> None:
        first(guest)
        second(guest)

    return spoil


def initramfs_without(*modules: str) -> Spoil:
    """Made where these modules were not wanted."""

    def spoil(guest: Guest) -> None:
        left_out = (*guest.layout.initramfs.left_out, *modules)
        write_initramfs(guest.root, replace(guest.layout.initramfs, left_out=left_out), guest.layout.kernel)

    return spoil


def initramfs_with(path: str, content: str) -> Spoil:
    """Made with another setting."""

    def spoil(guest: Guest) -> None:
        traces = {**guest.layout.initramfs.traces, path: content}
        write_initramfs(guest.root, replace(guest.layout.initramfs, traces=traces), guest.layout.kernel)

    return spoil


def truncate_initramfs(guest: Guest) -> None:
    """A copy that ended early; what it ends with are no modules."""
    file = guest.root / guest.layout.initramfs.path
    file.write_bytes(file.read_bytes()[: -16 << 10])


def remove_fallback(guest: Guest) -> None:
    """Installed without --removable: only the vendor's loader is there."""
    (guest.esp / "EFI/BOOT/BOOTX64.EFI").unlink()


def cut_short(raw: Path) -> Path:
    """A download that ended early: what is read of the guest is there, its last megabytes are not."""
    with raw.open("r+b") as file:
        file.truncate(raw.stat().st_size - (3 << 20))
    return raw


def without_growth_by_cloud_init(spoil: Spoil) -> Spoil:
    """A unit of its own grows the root, so that nothing but cloud-init's own check depends on cloud-init."""
    return both(put("etc/systemd/system/-.mount.wants/growpart.service", "[Service]\n"), spoil)


def to_qcow2(raw: Path) -> Path:
    """The same disk as qcow2."""
    return convert(raw, raw.with_suffix(".qcow2"), "raw", "qcow2")


def with_snapshot(raw: Path) -> Path:
    """An internal snapshot was left in."""
    image = to_qcow2(raw)
    qemu_img("snapshot", "-c", "before", image)
    return image


def with_lost_refcount(raw: Path) -> Path:
    """A cluster of data that counts as free: the first of the disk."""
    image = to_qcow2(raw)
    l2_table = read_u64(image, read_u64(image, 40)) & OFFSET_MASK
    cluster = read_u64(image, l2_table) & OFFSET_MASK
    block = read_u64(image, read_u64(image, 48)) & OFFSET_MASK
    return patch(image, block + 2 * (cluster // CLUSTER), bytes(2))


def with_another_protective_entry(raw: Path) -> Path:
    """Which begins at CHS 0/0/1, as macOS and old tools write it."""
    return patch(raw, 446 + 2, b"\x01")


def not_generalised(raw: Path) -> Path:
    """As Sysprep leaves a system that it was not told to generalise."""
    old, new = (
        f"IMAGE_STATE_{word}_RESEAL_TO_OOBE".encode("utf-16-le") for word in ("GENERALIZE", "SPECIALIZE")
    )
    content = raw.read_bytes()
    assert content.count(old) == 1
    return patch(raw, content.index(old), new)


def under_another_name(raw: Path) -> Path:
    """Called .qcow2, which it is not."""
    return raw.rename(raw.with_suffix(".qcow2"))


def grown(raw: Path) -> Path:
    """To 2 GiB."""
    with raw.open("r+b") as file:
        file.truncate(2 << 30)
    return raw


def in_use(raw: Path) -> Path:
    """ext4's needs_recovery, as a disk has it that was copied from a running machine."""
    feature = ROOT_OF_DEBIAN + 1024 + 0x60
    with raw.open("rb") as file:
        file.seek(feature)
        flags = int.from_bytes(file.read(1), "little")
    return patch(raw, feature, bytes([flags | 0x4]))


def without_boot_sector(image: Path) -> Path:
    """extlinux was never installed."""
    qemu_io(image, ["write -P 0 0 512"])
    return image


def of_debian(
    check: str, spoil: Spoil | None = None, afterwards: Callable[[Path], Path] | None = None
) -> Fault:
    """A fault of a Debian 11 image."""
    return Fault(check, "debian-11", spoil, afterwards)


FAULTS = (
    of_debian("image-safe", afterwards=with_snapshot),
    of_debian("image-format", afterwards=under_another_name),
    of_debian("image-consistent", afterwards=with_lost_refcount),
    of_debian("nova-accepts", afterwards=with_another_protective_entry),
    Fault("windows-generalised", "windows-2022", afterwards=not_generalised),
    of_debian("virtio-kernel", remove(f"{DEBIAN_MODULES}/drivers/net/virtio_net.ko")),
    of_debian("config-drive", remove(f"{DEBIAN_MODULES}/drivers/scsi/sr_mod.ko")),
    of_debian("virtio-initramfs", initramfs_without(*VIRTIO_DISKS)),
    Fault("virtio-initramfs", "rhel-8", initramfs_without("xfs")),
    Fault("virtio-initramfs", "arch", initramfs_without("virtio_pci")),
    Fault("virtio-windows", "windows-demand-start"),
    Fault("virtio-windows", "windows-start-override"),
    Fault("virtio-windows", "windows-no-driver-file"),
    Fault("virtio-windows", "windows-no-netkvm"),
    of_debian("initramfs-intact", truncate_initramfs),
    of_debian("initramfs-generic", initramfs_with("conf/initramfs.conf", "MODULES=dep\n")),
    Fault("initramfs-generic", "rhel-9", initramfs_with("usr/lib/dracut/hostonly-files", "/etc/fstab\n")),
    Fault("initramfs-generic", "arch", initramfs_without("vmw_pvscsi", "hv_storvsc", "xen_blkfront")),
    of_debian("guest-agent-installed", remove("usr/sbin/qemu-ga")),
    of_debian("guest-agent-enabled", put(UNIT, Link("/dev/null"))),
    Fault("guest-agent-enabled", "rhel-8", remove(PORT_LINK, RULE)),
    Fault("guest-agent-enabled", "rhel-9", remove(RULE)),
    Fault("guest-agent-enabled", "ubuntu-24.04", put(OVERRIDE, Link("/dev/null"))),
    Fault("guest-agent-enabled", "alpine-3.20", remove("etc/runlevels/default/qemu-guest-agent")),
    Fault("guest-agent-enabled", "arch", remove(RULE)),
    Fault("guest-agent-enabled", "windows-agent-disabled"),
    of_debian("guest-agent-channel", put("etc/modprobe.d/hardening.conf", "blacklist virtio_console\n")),
    of_debian(
        "guest-agent-rpcs", put("etc/qemu/qemu-ga.conf", "[general]\nblock-rpcs=guest-fsfreeze-freeze\n")
    ),
    Fault("guest-agent-rpcs", "rhel-8", change(SETTINGS, "=guest-file-open", "=guest-fsfreeze-thaw")),
    Fault("guest-agent-rpcs", "rhel-9", change(SETTINGS, "guest-set-user-password,", "")),
    Fault("boot-firmware", "alpine-3.20", afterwards=without_boot_sector),
    of_debian("uefi-fallback", remove_fallback),
    Fault("disk-whole", "debian-11", afterwards=cut_short),
    of_debian("root-resolves", change("boot/grub/grub.cfg", "PARTUUID=bbbbbbbb", "PARTUUID=cccccccc")),
    Fault("root-resolves", "ubuntu-24.04", change("etc/fstab", "LABEL=UEFI", "LABEL=ESP")),
    of_debian("fstab-stable", change("etc/fstab", f"PARTUUID={partuuid(1)}", "/dev/sda1")),
    of_debian("boot-loader", change("boot/grub/grub.cfg", "set timeout=5", "set timeout=-1")),
    of_debian("boot-target", remove("usr/sbin/init")),
    of_debian("local-mounts", change("etc/fstab", "vfat", "ext4")),
    of_debian("selinux-labels", both(
        change("boot/grub/grub.cfg", "ro ", "ro security=selinux "),
        both(
            put("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=default\n"),
            put("etc/selinux/default/policy/policy.33", "made up\n"),
        ),
    )),
    of_debian("network-default", both(
        put("etc/cloud/cloud.cfg.d/99-no-network.cfg", "network: {config: disabled}\n"),
        put("etc/network/interfaces", "auto lo\niface lo inet loopback\n"),
    )),
    of_debian("identity", put("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:1")),
    of_debian("serial-console", change("boot/grub/grub.cfg", "console=ttyS0,115200 ", "")),
    Fault("serial-console", "rhel-8", change("boot/grub2/grubenv", "console=ttyS0,115200n8", "quiet")),
    of_debian("root-grows", remove("usr/bin/growpart")),
    of_debian(
        "cloud-init-installed", without_growth_by_cloud_init(remove("usr/bin/cloud-init"))
    ),
    of_debian(
        "cloud-init-enabled", without_growth_by_cloud_init(put("etc/cloud/cloud-init.disabled", ""))
    ),
    Fault("cloud-init-datasource", "alpine-3.20", change(
        "etc/cloud/cloud.cfg.d/90-datasources.cfg", "OpenStack, ConfigDrive, None", "Ec2"
    )),
    of_debian("cloud-init-clean", put("var/lib/cloud/instances/i-0001/obj.pkl", "made up")),
    of_debian("machine-id", put("etc/machine-id", "0123456789abcdef0123456789abcdef\n")),
    of_debian("machine-id", put("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n")),
    of_debian("ssh-host-keys", put("etc/ssh/ssh_host_ed25519_key", "made up\n")),
    of_debian("mac-unpinned", put(
        "etc/udev/rules.d/70-persistent-net.rules",
        'SUBSYSTEM=="net", ATTR{address}=="fa:16:3e:00:00:01", NAME="eth0"\n',
    )),
    Fault("mac-unpinned", "rhel-8", put(
        "etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=fa:16:3e:00:00:01\nONBOOT=yes\n"
    )),
    Fault("lvm-devices-file", "rhel-9", put(
        "etc/lvm/devices/system.devices",
        "VERSION=1.1.1\nIDTYPE=sys_wwid IDNAME=naa.5000 DEVNAME=/dev/sda3 PVID=abcdef PART=3\n",
    )),
    of_debian("secrets", put("etc/shadow", "root:$6$made$up:19000:0:99999:7:::\n")),
    Fault("secrets", "alpine-3.20", put("root/.ash_history", "apk add made-up\n")),
    of_debian("filesystem-clean", afterwards=in_use),
    Fault("filesystem-clean", "windows-dirty"),
    Fault("filesystem-clean", "windows-hibernated"),
    of_debian("virtual-size", afterwards=grown),
    Fault("distribution-allowed", "fedora-42"),
    of_debian("required-modules", remove(f"{DEBIAN_MODULES}/drivers/char/hw_random/virtio-rng.ko")),
    of_debian("forbidden-files", put("root/.netrc", "machine made-up\n")),
)  # fmt: skip
