"""What the sealed machine starts from: the guest's own kernel, or that of the machine imgtool runs on."""

import re
from dataclasses import dataclass

from imgtool.boot.machine import MACHINES
from imgtool.errors import ImageUnreadableError, UsageError
from imgtool.fix import host_kernel, machine
from imgtool.fix.guest_files import LVM_DRIVERS, ROOT_DRIVERS, GuestFileReader, OwnRoot
from imgtool.fix.initrd import FIRST_PROGRAM, alone, appended, padding
from imgtool.fix.machine import SealedMachine
from imgtool.formats.gate import admit
from imgtool.model.boot import Accelerator
from imgtool.model.facts import Known
from imgtool.model.fix import StartFiles
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.kernel import Kernel
from imgtool.model.layout import FilesystemFacts
from imgtool.model.linux import LinuxFacts
from imgtool.util.progress import Progress

PLAIN = re.compile(r"[A-Za-z0-9=,@._/+-]+")
"""Mount options and names of volumes of the guest, as far as they are put into a script."""
NEEDED = ("virtio_pci", "virtio_blk")
"""By a kernel of this machine, besides the root's file system."""
FIRST = ("virtio_rng", "crc32c_generic")
OTHERS = ("ext4", "xfs", "btrfs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8")
"""As far as it has them: it finds no modules of its own in the guest, which mounts more than its root."""


@dataclass(frozen=True, slots=True)
class Start:
    """Makes the files of one machine, beside the disk."""

    image: DiskImage
    guest: GuestFacts
    architecture: str
    accelerator: Accelerator
    progress: Progress

    def by_its_own_kernel(self) -> SealedMachine:
        """Raises ImageUnreadableError where the guest has none, UsageError where its root is out of reach."""
        linux = self._linux
        default = linux.default_kernel
        useless = default is None or _is_useless(default)
        own_root = _own_root(linux, self._root) if useless else None
        version = default.version if default is not None else ""
        reader = GuestFileReader(self.image, version, own_root, self.progress)
        files = reader.find()
        line = self._line(files)
        made = self._made(line)
        reader.write(files.kernel, made.kernel)
        modules = [reader.module(path) for path in files.modules]
        if files.initramfs is not None:
            reader.write(files.initramfs, made.initrd)
            with made.initrd.open("ab") as file:
                file.write(padding(made.initrd.stat().st_size) + appended(modules))
        else:
            programs = {place: reader.content(path) for place, path in files.programs.items()}
            root = own_root or _own_root(linux, self._root)
            made.initrd.write_bytes(alone(modules, programs, root.device, root.type, mount_options(line)))
        return made

    def by_kernel_of_this_machine(self) -> SealedMachine | None:
        """None where this machine has no kernel that can be read, or the guest's root is out of reach."""
        try:
            root = _own_root(self._linux, self._root)
            # It may have been written to since: the guest has tried to start.
            reader = GuestFileReader(admit(self.image.path, "raw"), "", root, self.progress)
            files = reader.find_programs()
            programs = {place: reader.content(path) for place, path in files.programs.items()}
        except (UsageError, ImageUnreadableError):
            return None
        needed = (*NEEDED, *(LVM_DRIVERS if root.on_lvm else ()), root.type)
        found = host_kernel.find(self.architecture, (*FIRST, *needed, *OTHERS), needed)
        if found is None:
            return None
        self.progress.stage("fix", f"its kernel does not start: taking that of this machine, {found.version}")
        line = self._line(files)
        made = self._made(line)
        made.kernel.write_bytes(found.image.read_bytes())
        modules = [host_kernel.module_bytes(path) for path in found.modules]
        made.initrd.write_bytes(alone(modules, programs, root.device, root.type, mount_options(line)))
        return made

    @property
    def _linux(self) -> LinuxFacts:
        if self.guest.linux is None or self.architecture not in MACHINES:
            raise UsageError("only a Linux guest can repair itself")
        return self.guest.linux

    def _line(self, files: StartFiles) -> str:
        """Return its own command line; what fstab says of the root where no loader is found that says one."""
        line = self._linux.command_line
        if isinstance(line, Known):
            return line.value
        return f"rootflags={files.root_flags}" if PLAIN.fullmatch(files.root_flags) else ""

    @property
    def _root(self) -> FilesystemFacts | None:
        return next((one for one in self.guest.filesystems if one.mount_point == "/"), None)

    def _made(self, line: str) -> SealedMachine:
        """The machine, none of whose files is there."""
        folder, root = self.image.path.parent, self._root
        for name in ("kernel", "initrd"):
            (folder / name).unlink(missing_ok=True)
        uuid = root.uuid if root is not None else None
        return SealedMachine(
            architecture=self.architecture,
            accelerator=self.accelerator,
            disk=self.image.path,
            script=folder / "script",
            kernel=folder / "kernel",
            initrd=folder / "initrd",
            command_line=machine.command_line(line, uuid, self.architecture, FIRST_PROGRAM),
        )


def _is_useless(kernel: Kernel) -> bool:
    """The guest's initramfs is not there, not whole, or stops before it has a root."""
    if not isinstance(kernel.initramfs, Known):
        return False
    archive = kernel.initramfs.value
    return archive is None or archive.problem is not None or bool(archive.stops)


def _own_root(linux: LinuxFacts, root: FilesystemFacts | None) -> OwnRoot:
    """The root, for an initramfs of ours. Raises UsageError for one that this does not reach."""
    device = _device(linux, root) if root is not None else None
    if root is None or device is None or root.type not in ROOT_DRIVERS:
        raise UsageError(
            "its initramfs is of no use, and its root is not one partition or volume with ext4, XFS or Btrfs",
            hint="repair the initramfs where the image is made",
        )
    return OwnRoot(device, root.type, on_lvm=linux.root_on_lvm)


def mount_options(line: str) -> str:
    """Options of mount(8) for the root, as the command line has them; empty where it has none."""
    flags = [word.removeprefix("rootflags=") for word in line.split() if word.startswith("rootflags=")]
    return flags[-1] if flags and PLAIN.fullmatch(flags[-1]) else ""


def _device(linux: LinuxFacts, root: FilesystemFacts) -> str | None:
    """Where that machine finds the root; None for what takes more than one step."""
    if linux.root_on_raid:
        return None
    if linux.root_on_lvm:
        return f"/dev/{root.device}" if PLAIN.fullmatch(root.device) else None
    number = root.partitions[0] if root.partitions else ""
    return f"/dev/vda{number}" if len(root.partitions) < 2 else None
