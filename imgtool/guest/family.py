"""Which family a system is of that is put together, started or set up in a way of its own.

Some are read like any other Linux, once their root is put together (arrangements.py); others are only
recognised, by what their images have and no others: labels and types of partitions, names of files. One line
says what is judged of each and what is not. Sources stand with each recogniser.
"""

import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgtool.guest.device import Device
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.release import Release, read_release
from imgtool.guest.tree import GuestTree
from imgtool.model.guest import Family
from imgtool.util.text import printable

IGNITION = "/usr/lib/dracut/modules.d/30ignition"
"""What puts Ignition into the initramfs of Fedora CoreOS, RHEL CoreOS and SCOS."""
MAX_NAMES = 500
"""Names of one directory that are compared with a pattern."""
OUTSIDE = (
    "the file, the partitions, the file systems and what the firmware starts are judged; what is inside, not"
)


# ---------------------------------------------------------------- only recognised


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A family whose files are not read, and how its disk shows."""

    name: str
    title: str
    shows: Callable[[DiskContents], str | None]
    """What on the disk shows it; None where it is another one."""
    why: str
    """Why its files are not read."""
    first_boot: str | None = None
    has_agent: bool = True

    def family(self, evidence: str) -> Family:
        """What is known of it."""
        note = f"{self.why}: {OUTSIDE}"
        return Family(
            self.name,
            self.title,
            printable(evidence),
            note,
            read=False,
            first_boot=self.first_boot,
            has_agent=self.has_agent,
        )


def recognised(contents: DiskContents) -> Family | None:
    """The family of a disk on which no system was found that can be read; None where nothing tells."""
    for one in RECOGNISERS:
        evidence = one.shows(contents)
        if evidence is not None:
            return one.family(evidence)
    return None


def _labelled(*labels: str) -> Callable[[DiskContents], str | None]:
    """All of these are labels of partitions or of file systems."""

    def shows(contents: DiskContents) -> str | None:
        there = {one.label for one in contents.layout.partitions}
        there |= {device.filesystem.label for device in contents.devices}
        return f"labels {', '.join(labels)}" if there.issuperset(labels) else None

    return shows


def _of_type(*types: str) -> Callable[[DiskContents], str | None]:
    """A partition of one of these types."""

    def shows(contents: DiskContents) -> str | None:
        found = (one for one in contents.layout.partitions if one.type in types)
        return next((f"{one.name} is of type {one.type}" for one in found), None)

    return shows


def _holding(filesystem: str) -> Callable[[DiskContents], str | None]:
    """A volume with this kind of file system."""

    def shows(contents: DiskContents) -> str | None:
        found = (device for device in contents.devices if device.filesystem.type == filesystem)
        return next((f"{device.volume.name} is {filesystem}" for device in found), None)

    return shows


def _with_file(*patterns: str) -> Callable[[DiskContents], str | None]:
    """A file of one of these names on any file system; `*` stands for any one name or a part of it."""

    def shows(contents: DiskContents) -> str | None:
        for pattern in patterns:
            for device in contents.devices:
                path = next(_matching(device, pattern), None)
                if path is not None:
                    return f"{path} on {device.volume.name}"
        return None

    return shows


def _matching(device: Device, pattern: str) -> Iterator[str]:
    try:
        tree = GuestTree({"/": device.filesystem.root()})
        pending = ["/"]
        for part in pattern.strip("/").split("/"):
            pending = [path for above in pending for path in _entries(tree, above, part)][:MAX_NAMES]
        yield from pending
    except GuestReadError:
        return


def _entries(tree: GuestTree, above: str, part: str) -> list[str]:
    """FAT and people disagree about small letters, so case does not count."""
    names = tree.names(above)[:MAX_NAMES]
    wanted = part.lower()
    return [f"{above.rstrip('/')}/{name}" for name in names if fnmatch.fnmatchcase(name.lower(), wanted)]


def _all_of(*looks: Callable[[DiskContents], str | None]) -> Callable[[DiskContents], str | None]:
    def shows(contents: DiskContents) -> str | None:
        found = [look(contents) for look in looks]
        seen = [one for one in found if one is not None]
        return "; ".join(seen) if len(seen) == len(found) else None

    return shows


def _any_of(*looks: Callable[[DiskContents], str | None]) -> Callable[[DiskContents], str | None]:
    def shows(contents: DiskContents) -> str | None:
        return next((found for look in looks if (found := look(contents)) is not None), None)

    return shows


IN_ONE_FILE = "its system is an image in one file, which is not read"
RECOGNISERS = (
    Recogniser(
        "talos",
        "Talos Linux",
        # siderolabs/talos, pkg/machinery/constants: the partitions' labels; A/ and B/ are GRUB's two entries
        _all_of(_labelled("META"), _with_file("/A/vmlinuz", "/B/vmlinuz", "/EFI/Linux/Talos-*.efi")),
        "its system is in its initramfs, which is not read",
        "its own machine configuration, from the metadata service or the config drive",
        has_agent=False,
    ),
    Recogniser(
        "ubuntu-core",
        "Ubuntu Core",
        # snapd, gadget/layout: the labels of its roles
        _any_of(_labelled("ubuntu-seed"), _labelled("ubuntu-boot", "ubuntu-data")),
        "its system is in snaps, which are not read",
        "cloud-init in its snap, or console-conf",
        has_agent=False,
    ),
    Recogniser(
        "vyos",
        "VyOS",
        # vyos-build, data/live-build-config, and python/vyos/system/grub.py: boot/VERSION/VERSION.squashfs
        _all_of(
            _with_file("/boot/*/*.squashfs"),
            _with_file(
                "/boot/grub/grub.cfg.d/*vyos*", "/boot/*/rw/opt/vyatta", "/boot/grub/grub.cfg.d/vyos-versions"
            ),
        ),
        IN_ONE_FILE,
        "cloud-init, in that image",
    ),
    Recogniser(
        "live",
        "a live system",
        # live-boot(7), dracut's dmsquash-live, casper(7)
        _with_file(
            "/live/*.squashfs",
            "/boot/*/*.squashfs",
            "/LiveOS/squashfs.img",
            "/LiveOS/rootfs.img",
            "/casper/*.squashfs",
        ),
        IN_ONE_FILE,
    ),
    Recogniser(
        "freebsd",
        "FreeBSD",
        # gpart(8), and the types of its partitions in sys/gpt.h; loader.efi(8)
        _any_of(
            _of_type(
                "516e7cb6-6ecf-11d6-8ff8-00022d09712b",
                "516e7cba-6ecf-11d6-8ff8-00022d09712b",
                "516e7cb4-6ecf-11d6-8ff8-00022d09712b",
                "83bd6b9d-7f41-11dc-be0b-001560b84f0f",
                "0xa5",
            ),
            _with_file("/EFI/freebsd/loader.efi"),
        ),
        "UFS and ZFS are not read",
        "cloud-init, or nuageinit of FreeBSD 14.1 and later",
    ),
    Recogniser(
        "openbsd",
        "OpenBSD",
        _of_type("824cc7a0-36a8-11e3-890a-952519ad3f61", "0xa6"),
        "its file system is not read",
        has_agent=False,
    ),
    Recogniser(
        "netbsd",
        "NetBSD",
        _of_type("49f48d5a-b10e-11dc-b99b-0019d1879648", "0xa9"),
        "its file system is not read",
        has_agent=False,
    ),
    Recogniser(
        "bottlerocket",
        "Bottlerocket",
        # bottlerocket, packages/..., partyplanner: its partitions' names
        _labelled("BOTTLEROCKET-BOOT-A"),
        "its root is guarded by dm-verity and set up by its own API",
        "its own settings in the user data",
        has_agent=False,
    ),
    Recogniser(
        "haos",
        "Home Assistant OS",
        # home-assistant/operating-system, buildroot-external/genimage
        _labelled("hassos-boot"),
        IN_ONE_FILE,
        "none: it takes no metadata",
    ),
    Recogniser(
        "elemental",
        "an Elemental or Kairos system",
        # rancher/elemental-toolkit, pkg/constants
        _any_of(_labelled("COS_STATE"), _labelled("COS_GRUB", "COS_RECOVERY")),
        IN_ONE_FILE,
        "its own cloud-config",
    ),
    Recogniser(
        "chromeos",
        "ChromeOS",
        _of_type("fe3a2a5d-4f32-41a7-b725-accc3285a309"),
        "its kernel is a partition, and its root is guarded by dm-verity",
        has_agent=False,
    ),
    Recogniser(
        "android",
        "Android",
        # source.android.com: the partitions of a device
        _any_of(_labelled("vbmeta", "super"), _labelled("vbmeta_a", "super"), _labelled("vbmeta", "system")),
        "its partitions are images of its own format",
        has_agent=False,
    ),
    Recogniser(
        "bootc-composefs",
        "a bootc system on composefs",
        # bootc, crates/lib/src/bootc_composefs: state/deploy/DIGEST beside composefs/
        _all_of(_with_file("/composefs/images"), _with_file("/state/deploy/*")),
        "its root is an EROFS image, which is not read",
    ),
    Recogniser(
        "zfs",
        "a system with its root on ZFS",
        _any_of(_holding("zfs_member"), _of_type("6a898cc3-1dd2-11b2-99a6-080020736631")),
        "ZFS is not read",
    ),
)
"""In this order: the more special first."""


# ---------------------------------------------------------------- read


def family_of(tree: GuestTree, arrangement: str) -> Family | None:
    """The family of a system whose files are read; None for the usual kind.

    `arrangement` is how its root was put together. What cannot be read tells nothing.
    """
    try:
        return _family(tree, arrangement)
    except GuestReadError:
        return None


def _family(tree: GuestTree, arrangement: str) -> Family | None:
    if arrangement == "ostree":
        return _ostree(tree)
    if arrangement == "nixos":
        where = tree.resolve("/run/current-system") or "/nix/store"
        return Family("nixos", "NixOS", where, "the closure that boots is judged, with its /etc")
    if arrangement == "flatcar":
        note = "/usr and the /etc that it brings are judged; Ignition sets an instance up"
        return Family("flatcar", "Flatcar", "/usr/share/flatcar", note, first_boot="Ignition")
    return next((made for path, made in BY_FILE if tree.exists(path)), None)


def _ostree(tree: GuestTree) -> Family:
    """Fedora CoreOS and its kin have Ignition, and no cloud-init; all others bring what they like."""
    release = _release(tree)
    evidence = "/ostree/deploy"
    if tree.exists(IGNITION) and not tree.exists("/usr/bin/cloud-init"):
        title = "Fedora CoreOS" if release and release.identifier == "fedora" else "a CoreOS system"
        note = "the deployment that boots is judged; Ignition sets an instance up, once, in the initramfs"
        return Family("coreos", title, evidence, note, first_boot="Ignition", has_agent=False)
    kind = "a bootc system" if tree.exists("/usr/lib/bootc") else "an OSTree system"
    return Family("ostree", kind, evidence, "the deployment that boots is judged")


def _release(tree: GuestTree) -> Release | None:
    try:
        return read_release(tree)
    except GuestReadError:
        return None


BY_FILE = (
    (
        "/etc/cirros/version",
        Family(
            "cirros",
            "CirrOS",
            "/etc/cirros/version",
            "its kernel and its boot are judged; cirros-init reads the config drive and the metadata service",
            first_boot="cirros-init",
            has_agent=False,
        ),
    ),
    (
        "/etc/tiny-cloud.conf",
        Family(
            "tiny-cloud",
            "Alpine Linux with tiny-cloud",
            "/etc/tiny-cloud.conf",
            "it is judged as any other; tiny-cloud sets an instance up",
            first_boot="tiny-cloud",
        ),
    ),
)
"""A file that only such a system has, and its family."""
