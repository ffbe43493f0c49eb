"""What SYSLINUX finds on the file system that it was installed on: itself, its modules, its configuration.

Sources: Syslinux 6.04, core/elflink/load_env32.c (ldlinux.c32), core/fs/lib/loadconfig.c (the configuration),
com32/lib/sys/module/common.c (findpath); the project's pages "Library modules" and "Filesystem".
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.bootloader.files import LoaderFiles, read_whole
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.bootloader.start import Start
from imgtool.guest.elf import NotElfError, read_elf
from imgtool.guest.mounts import Device

CORE_DIRECTORIES = ("/boot/isolinux", "/isolinux", "/boot/syslinux", "/syslinux", "/")
CONFIG_DIRECTORIES = ("/boot/syslinux", "/syslinux", "/")
INSTALLED = ("/boot/extlinux", "/boot/syslinux", "/boot", "/extlinux", "/syslinux", "/")
"""Where ldlinux.sys is looked for when nothing says its directory."""
CONFIG_NAMES = {
    "bios": ("extlinux.conf", "syslinux.cfg"),
    "uefi": ("extlinux.conf", "syslx64.cfg", "syslinux.cfg"),
}
CORE_NAMES = {"bios": "ldlinux.c32", "uefi": "ldlinux.e64"}
MAX_CONFIG_BYTES = 1 << 20
MAX_MODULES = 50
BANNERS = (b"SYSLINUX ", b"EXTLINUX ")
WIDE_BLOCKS = 0x80
"""INCOMPAT_64BIT: the kernel's Documentation/filesystems/ext4/super.rst."""
FIRST_WITH_WIDE_BLOCKS = (6, 4)
FIRST_WITH_MODULES = (5, 0)


class SyslinuxFiles:
    """Finds files from a working directory on, as the loader does."""

    def __init__(self, start: Start, device: Device) -> None:
        self.files = LoaderFiles(device)
        self.firmware = start.firmware
        self.directory = _directory(start, self.files)
        self.working = self.directory
        self.paths = [self.directory]
        self.version = self._version()

    def find(self, name: str) -> LoaderFile | None:
        """The file `name`, from the working directory on."""
        return self.files.find(posixpath.join(self.working, name)) if name else None

    def text(self, name: str) -> str | None:
        """The text of the file `name`; None where it is not there."""
        file = self.find(name)
        return None if file is None else read_whole(file, MAX_CONFIG_BYTES).decode("utf-8", "replace")

    def find_config(self) -> LoaderFile | None:
        """The configuration; the working directory becomes the one that it was found in."""
        for directory in (self.directory, *CONFIG_DIRECTORIES):
            for name in CONFIG_NAMES[self.firmware]:
                file = self.files.find(posixpath.join(directory, name))
                if file is not None:
                    self.working = directory
                    return file
        return None

    def problem(self) -> str:
        """Why it does not even come to its configuration; empty where it does."""
        if self._has_wide_blocks() and self.version is not None and self.version < FIRST_WITH_WIDE_BLOCKS:
            major, minor = self.version
            return f"SYSLINUX {major}.{minor:02} does not read ext4 with the feature 64bit"
        if not self.has_modules:
            return ""
        name = CORE_NAMES[self.firmware]
        directories = (self.directory, *CORE_DIRECTORIES)
        if not any(self.files.find(posixpath.join(directory, name)) for directory in directories):
            return f"Failed to load {name}: it is not in {self.directory}"
        return self.module_problem(name, CORE_DIRECTORIES)

    @property
    def has_modules(self) -> bool:
        """Whether its own code is in modules: from version 5 on."""
        return self.version is None or self.version >= FIRST_WITH_MODULES

    def module_problem(self, name: str, more: tuple[str, ...] = ()) -> str:
        """Why the module `name` is not loaded: it, or one that it needs, is not there or no module."""
        pending, seen = [name], {name}
        while pending:
            wanted = pending.pop()
            file = self._module(wanted, more)
            if file is None:
                return f"Failed to load {name}" + (f": {wanted} is not there" if wanted != name else "")
            if not self.has_modules:
                return ""
            try:
                needed = read_elf(file.open()).needed
            except NotElfError as error:
                return f"Failed to load {name}: {file}: {error}"
            pending.extend(one for one in needed if one not in seen)
            seen.update(needed)
            if len(seen) > MAX_MODULES:
                return f"Failed to load {name}: it needs more than {MAX_MODULES} modules"
        return ""

    def _module(self, name: str, more: tuple[str, ...]) -> LoaderFile | None:
        directories = (self.working, *self.paths, *more)
        found = (self.files.find(posixpath.join(directory, name)) for directory in directories)
        return next((file for file in found if file is not None), None)

    def _version(self) -> tuple[int, int] | None:
        """Return it by the first words of ldlinux.sys; None where that is missing, or says something else."""
        file = self.files.find(posixpath.join(self.directory, "ldlinux.sys"))
        head = file.open().read(64) if file is not None else b""
        for banner in BANNERS:
            words = head.partition(banner)[2].split(maxsplit=1)
            numbers = words[0].decode("ascii", "replace").replace("_", ".").split(".") if words else []
            if len(numbers) >= 2 and numbers[0].isdecimal() and numbers[1].isdecimal():
                return int(numbers[0]), int(numbers[1])
        return None

    def _has_wide_blocks(self) -> bool:
        device = self.files.device
        if not device.filesystem.type.startswith("ext"):
            return False
        stream = device.volume.open()
        stream.seek(1024 + 0x60)
        return bool(int.from_bytes(stream.read(4), "little") & WIDE_BLOCKS)


def _directory(start: Start, files: LoaderFiles) -> str:
    """Where it is installed: as its start says it, else where ldlinux.sys is."""
    if start.prefix:
        return posixpath.join("/", start.prefix)
    if start.firmware == "uefi":
        return posixpath.join("/", posixpath.dirname(start.path))
    return next(_installed(files), "/")


def _installed(files: LoaderFiles) -> Iterator[str]:
    for directory in INSTALLED:
        if files.find(posixpath.join(directory, "ldlinux.sys")) is not None:
            yield directory
