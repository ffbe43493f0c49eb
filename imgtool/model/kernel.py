"""The kernels of a Linux guest, and what they and their initramfs can drive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from imgtool.model.facts import Fact

ModuleState = Literal["builtin", "module", "missing", "unknown"]


MODULES_OF_INTEREST = (
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "sd_mod",
    "virtio_net",
    "virtio_console",
    "virtio_balloon",
    "virtio_rng",
    "virtio_gpu",
    "ext4",
    "xfs",
    "btrfs",
    "dm_mod",
    "raid1",
    "ahci",
    "ata_piix",
    "sr_mod",
    "isofs",
)
"""The kernel modules that are looked for, by the names that `lsmod` prints."""


@dataclass(frozen=True, slots=True)
class Initramfs:
    """One initramfs file, read to its end."""

    path: str
    compression: str
    """Of the main segment: none, gzip, xz, lzma, zstd, bzip2, lz4, lzo."""
    generator: str | None
    """initramfs-tools, dracut, mkinitcpio, or None where no trace tells."""
    host_only: bool | None
    """True where it was made for one machine only, None where no trace tells."""
    modules: Mapping[str, ModuleState]
    evidence: Mapping[str, str]
    """For each module that was found, its path in the archive (or in the kernel's lists)."""
    problem: str | None = None
    """Why it is not whole (truncated, no main segment), or None."""
    own_options: str = ""
    """What it puts in front of the kernel's command line by itself."""
    junk: str | None = None
    """What the kernel complains of behind what it unpacks, and goes on; None where nothing is there."""
    stops: tuple[str, ...] = ()
    """Why it does not get as far as the root, whatever the disk is: no /init that can be run, a shell."""
    unsure: tuple[str, ...] = ()
    """Why that cannot be told."""
    obstacles: Mapping[str, str] = field(default_factory=dict)
    """Module to the reason why it is not loaded, though it is there; its state in `modules` is missing."""
    all_modules: tuple[str, ...] = ()
    """Every module that is in it for its kernel, by the names that `lsmod` prints, sorted."""
    growers: tuple[str, ...] = ()
    """Paths in it of what grows the root's partition: growroot, kiwi's repart."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One installed kernel: a directory of /usr/lib/modules."""

    version: str
    default: bool
    """It is the one that will boot."""
    default_evidence: str
    image: str | None
    """Path of the kernel image, e.g. /boot/vmlinuz-6.1.0-41-cloud-amd64."""
    modules: Mapping[str, ModuleState]
    evidence: Mapping[str, str]
    """For each module that is not missing, the path or list where it was seen."""
    initramfs: Fact[Initramfs | None]
    """Known(None): there is none for this kernel, and the evidence says where it was looked for."""
    late: Mapping[str, Fact[bool]] = field(default_factory=dict)
    """Of the one that will boot: for each driver that is loaded after the initramfs (network, console,
    balloon) whether it is when its device appears; the evidence is what keeps it from that."""
    image_problem: str | None = None
    """Of the one that will boot: why its image starts nowhere (empty, cut off, of another architecture)."""
    missing_image: str | None = None
    """Of the one that will boot: the image that the boot loader's menu names, where it is not there."""
