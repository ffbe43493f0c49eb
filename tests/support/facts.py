"""A healthy image as facts, and ways to spoil one fact at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from imgtool.model.boot_path import BootPath, BootStep, FirmwareName
from imgtool.model.difference import Change, Difference, KindDifference
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import MODULES_OF_INTEREST, Initramfs, Kernel, ModuleState
from imgtool.model.layout import FilesystemFacts, Firmware
from imgtool.model.linux import DeviceReference, LinuxFacts
from imgtool.model.secure_boot import ProgramSignature, SecureBoot, SignedProgram
from imgtool.model.services import AgentFacts, CloudInitFacts, Effect, Trouble, UserSpaceFacts
from imgtool.model.windows import WindowsDriver, WindowsFacts, WindowsSetup

VERSION = "6.1.0-41-cloud-amd64"
UNREADABLE = Unknown("the directory block at inode 12 is damaged")


def known(value: Any, evidence: str = "/etc/evidence says so") -> Known[Any]:
    return Known(value, evidence)


def states(**changed: ModuleState) -> dict[str, ModuleState]:
    return {name: changed.get(name, "module") for name in MODULES_OF_INTEREST}


def initramfs(**changed: Any) -> Initramfs:
    healthy = Initramfs(
        path=f"/boot/initrd.img-{VERSION}",
        compression="zstd",
        generator="initramfs-tools",
        host_only=False,
        modules=states(),
        evidence={"virtio_blk": "usr/lib/modules/x/kernel/drivers/block/virtio_blk.ko"},
    )
    return replace(healthy, **changed)


def kernel(**changed: Any) -> Kernel:
    healthy = Kernel(
        version=VERSION,
        default=True,
        default_evidence="the newest",
        image=f"/boot/vmlinuz-{VERSION}",
        modules=states(),
        evidence={"virtio_blk": f"/usr/lib/modules/{VERSION}/kernel/drivers/block/virtio_blk.ko"},
        initramfs=known(initramfs()),
    )
    return replace(healthy, **changed)


def agent(**changed: Any) -> AgentFacts:
    healthy = AgentFacts(
        installed=known(True, "/usr/sbin/qemu-ga"),
        version=known("1:7.2+dfsg-7+deb12u18"),
        enabled=known(True, "/usr/lib/udev/rules.d/60-qemu-guest-agent.rules: SYSTEMD_WANTS"),
        enabled_by=known("udev rule"),
        channel=known(True, "virtio_console.ko"),
        filtered_rpcs=known(()),
        failing_rpcs=known(()),
    )
    return replace(healthy, **changed)


def cloud_init(**changed: Any) -> CloudInitFacts:
    healthy = CloudInitFacts(
        installed=known(True, "/usr/bin/cloud-init"),
        enabled=known(True),
        datasources=known(()),
        default_user=known("debian"),
        leftovers=known(()),
        version=known("22.4.2-1+deb12u3"),
    )
    return replace(healthy, **changed)


def reference(**changed: Any) -> DeviceReference:
    healthy = DeviceReference(
        source="/etc/fstab",
        device="UUID=0000-1111",
        mount_point="/",
        resolves=True,
        stable=True,
        required=True,
    )
    return replace(healthy, **changed)


def linux(**changed: Any) -> LinuxFacts:
    healthy = LinuxFacts(
        os_distro=known("debian"),
        os_version=known("12"),
        architecture=known("x86_64"),
        kernels=known((kernel(),)),
        agent=agent(),
        cloud_init=cloud_init(),
        machine_id=known("empty", "/etc/machine-id: 0 bytes"),
        ssh_host_keys=known(()),
        root_filesystem="ext4",
        root_on_lvm=False,
        command_line=known("root=UUID=0000-1111 ro console=ttyS0", "/boot/grub/grub.cfg"),
        device_references=known((reference(),)),
        root_is_last=known(True),
        can_grow=known(True, "/usr/bin/growpart"),
        pinned_macs=known(()),
        lvm_devices_file=known(False),
        secrets=known(()),
        found_files=known(()),
        user_space=user_space(),
    )
    return replace(healthy, **changed)


def user_space(**changed: Any) -> UserSpaceFacts:
    healthy = UserSpaceFacts(
        init=known("/usr/lib/systemd/systemd"),
        target=known("multi-user.target"),
        startup=known(()),
        mounts=known(()),
        selinux=known(()),
        network=known(()),
        identity=known(()),
    )
    return replace(healthy, **changed)


def trouble(effect: Effect = "stops") -> Trouble:
    return Trouble(effect, "something stops", "/etc/x: y", "mend it")


def with_user_space(**changed: Any) -> Inspection:
    return inspection(linux(user_space=user_space(**changed)))


def windows_driver(name: str, **changed: Any) -> WindowsDriver:
    start = 0 if name in {"viostor", "vioscsi"} else 3
    path = f"/Windows/System32/drivers/{name}.sys"
    return replace(WindowsDriver(name, start, path, ("VEN_1AF4&DEV_1042",)), **changed)


def windows_drivers(**changed: Any) -> Known[Any]:
    """A healthy set; a name with a dictionary of changes, or with None to leave it out."""
    wanted = {name: changed.get(name, {}) for name in ("viostor", "netkvm", "VirtioSerial")}
    return known(tuple(windows_driver(name, **how) for name, how in wanted.items() if how is not None))


def windows(**changed: Any) -> WindowsFacts:
    healthy = WindowsFacts(
        product=known("Windows Server 2022 Standard"),
        version=known("10.0.20348"),
        architecture=known("x86_64"),
        drivers=windows_drivers(),
        agent=agent(version=known("105.0.2")),
        cloud_init=known(True),
        hibernated=known(False),
        setup=known(WindowsSetup("IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE", "/Windows/Panther/unattend.xml")),
        found_files=known(()),
    )
    return replace(healthy, **changed)


def windows_inspection(**changed: Any) -> Inspection:
    """A healthy Windows image, with some facts of the guest changed."""
    filesystems = (FilesystemFacts("partition 3", "ntfs", "Windows", "0123456789ABCDEF", None, known(True)),)
    return inspection(guest=guest(linux=None, windows=windows(**changed), filesystems=filesystems))


def image(**changed: Any) -> DiskImage:
    healthy = DiskImage(
        path=Path("/images/debian.raw"),
        format="raw",
        virtual_size_bytes=2 << 30,
        file_size_bytes=2 << 30,
        allocated_bytes=700 << 20,
        identity=FileIdentity(1, 2, 2 << 30, 3),
        format_evidence="MBR and GPT; the name says raw",
    )
    return replace(healthy, **changed)


def guest(system: LinuxFacts | None = None, **changed: Any) -> GuestFacts:
    healthy = GuestFacts(
        status="known",
        reason="",
        filesystems=(FilesystemFacts("partition 1", "ext4", "root", "0000-1111", "/", known(True)),),
        firmware=known(Firmware(bios=False, uefi=True, fallback_loader="EFI/BOOT/BOOTX64.EFI")),
        linux=system or linux(),
        partition_table="gpt",
        boot_paths=(boot_path(),),
        secure_boot=known(secure_boot()),
    )
    return replace(healthy, **changed)


def secure_boot(refused: str = "", year: int | None = 2023) -> SecureBoot:
    """The chain of an image that is made for it."""
    signature = ProgramSignature("a signer", "Microsoft UEFI CA", year)
    return SecureBoot(
        (SignedProgram("shim", "EFI/BOOT/BOOTX64.EFI", "ab" * 32, (signature,), refused=refused),)
    )


UNSIGNED = SecureBoot((SignedProgram("loader", "EFI/BOOT/BOOTX64.EFI", "", (), refused="it is not signed"),))


def with_secure_boot(chain: Fact[SecureBoot], **changed: Any) -> Inspection:
    return inspection(guest=guest(secure_boot=chain, **changed))


BOOT_STEPS = (
    BootStep("firmware", "goes-on", "starts GRUB", "EFI/BOOT/BOOTX64.EFI on partition 1"),
    BootStep("loader", "goes-on", "reads its configuration", "/boot/grub/grub.cfg on partition 2"),
    BootStep("entry", "goes-on", "Debian GNU/Linux after 1 s", "/boot/grub/grub.cfg on partition 2"),
    BootStep(
        "kernel", "goes-on", f"loads /boot/vmlinuz-{VERSION}", f"/boot/vmlinuz-{VERSION} on partition 2"
    ),
)


def boot_path(stop: BootStep | None = None, firmware: FirmwareName = "uefi") -> BootPath:
    """As it should be, or as far as the step `stop`."""
    names = [step.name for step in BOOT_STEPS]
    steps = BOOT_STEPS if stop is None else (*BOOT_STEPS[: names.index(stop.name)], stop)
    return BootPath(firmware, steps)


def with_boot_stop(step: BootStep, *others: BootPath) -> Inspection:
    """The path that Nova takes ends at that step."""
    return inspection(guest=guest(boot_paths=(boot_path(step), *others)))


def inspection(system: LinuxFacts | None = None, **changed: Any) -> Inspection:
    return replace(Inspection(image(), guest(system), known(True)), **changed)


def with_kernel(**changed: Any) -> Inspection:
    return inspection(linux(kernels=known((kernel(**changed),))))


def with_initramfs(**changed: Any) -> Inspection:
    return with_kernel(initramfs=known(initramfs(**changed)))


def with_agent(**changed: Any) -> Inspection:
    return inspection(linux(agent=agent(**changed)))


def with_cloud_init(**changed: Any) -> Inspection:
    return inspection(linux(cloud_init=cloud_init(**changed)))


def with_reference(**changed: Any) -> Inspection:
    return inspection(linux(device_references=known((reference(), reference(**changed)))))


def with_command_line(options: str, architecture: str = "x86_64") -> Inspection:
    return inspection(linux(command_line=known(options), architecture=known(architecture)))


def with_disk(**changed: Any) -> Inspection:
    """With some facts of the disk changed."""
    return inspection(guest=guest(**changed))


def with_sizes(kind: str, *, declared: int, there: int) -> Inspection:
    """One file system, as large as its superblock says, and what it lies on."""
    one = FilesystemFacts("partition 1", kind, None, "0000-1111", "/", known(True), (1,), declared, there)
    return with_disk(filesystems=(one,))


def with_clean(clean: Fact[bool]) -> Inspection:
    healthy = guest()
    (root,) = healthy.filesystems
    return inspection(guest=replace(healthy, filesystems=(root, replace(root, clean=clean))))


EVE = Change("eve", "added", None, "uid 5")


def compared(*users: Change, unknown: str = "") -> Inspection:
    """A healthy image, which was compared with one before it."""
    return replace(
        inspection(), difference=Difference("old.raw", "new.raw", (KindDifference("users", users, unknown),))
    )
