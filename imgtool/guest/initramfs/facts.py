"""Makes the facts of one kernel's initramfs: read to its end, module by module.

The content is kept of what its start depends on, and of its maker's traces.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.run import LoadedEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.compression import METHODS
from imgtool.guest.initramfs.content import InitramfsContent
from imgtool.guest.initramfs.locate import InitramfsFiles, initramfs_files
from imgtool.guest.initramfs.pe import pe_sections
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks
from imgtool.guest.initramfs.runtime import (
    CRC32C_MODULES,
    Archive,
    Runtime,
    options_of_dracut,
    root_of_initramfs_tools,
    run,
)
from imgtool.guest.initramfs.segments import UNCOMPRESSED, read_segments
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.kernels import InstalledKernel, module_name
from imgtool.guest.tree import GuestTree
from imgtool.model.drivers import BLOCK, PCI, SCSI, root_drivers
from imgtool.model.facts import Known
from imgtool.model.kernel import MODULES_OF_INTEREST, Initramfs, ModuleState
from imgtool.util.text import printable


@dataclass(frozen=True, slots=True)
class InitramfsUse:
    """What an initramfs has to do."""

    root_type: str = ""
    """Type of the root file system; empty where it is not known, and then no driver is judged for it."""
    on_lvm: bool = False
    options: str = ""
    """The kernel's command line, where no boot entry says it."""
    by_stub: bool = False
    """The kernel's own EFI stub fetches the initramfs: by systemd-boot, or in a unified image."""
    on_raid: bool = False
    """The root is on a mirror of software RAID, which the kernel does not assemble by itself."""


def read_initramfs(
    tree: GuestTree,
    kernel: InstalledKernel,
    entry: BootEntry | None,
    loaded: LoadedEntry | None = None,
    use: InitramfsUse = InitramfsUse(),
) -> Known[Initramfs | None]:
    """The initramfs that `kernel` starts with; `entry` is its entry in the boot menu, if it has one.

    `loaded` is what the boot loader makes of that entry, where its run is known.

    Raises GuestReadError where the files cannot be read. An archive that is damaged is no such case: then
    the facts say what was found before that, and `problem` what is wrong.
    """
    files = initramfs_files(tree, kernel, entry, loaded)
    if not files.paths:
        return Known(None, files.evidence)
    line = parse_command_line(entry.options if entry is not None else use.options)
    if use.by_stub and line.has("noinitrd"):  # drivers/firmware/efi/libstub: efi_noinitrd
        return Known(None, f"noinitrd is on the kernel's command line: {files.paths[-1]} is not loaded")
    content = InitramfsContent(kernel, line.rdinit or "/init")
    needed = _needed(kernel, use)
    for chunks in _streams(tree, files):
        if not content.has_ended:  # the kernel takes all files for one, and reads no further either
            _gather(chunks, content, needed)
    content.finish()
    if content.problem is None:
        content.problem = _unreadable_by_kernel(content.compression, kernel)
    runtime = _run(content, kernel, line, use)
    return Known(_facts(files, content, kernel, runtime), files.evidence)


def _needed(kernel: InstalledKernel, use: InitramfsUse) -> tuple[str, ...]:
    """Modules without which there is no root, if they are modules."""
    drivers = root_drivers(use.root_type, on_lvm=use.on_lvm, on_raid=use.on_raid)
    names = (*PCI, *BLOCK, *SCSI, *(name for name in drivers if name))
    return tuple(name for name in names if kernel.modules.get(name) != "builtin")


def _run(content: InitramfsContent, kernel: InstalledKernel, line: CommandLine, use: InitramfsUse) -> Runtime:
    if content.problem is not None or content.unread is not None:
        return Runtime()
    archive = Archive(content.unpacked.tree, content.generator, kernel, line, use.on_lvm, use.on_raid)
    return run(archive, tuple(name for name in _needed(kernel, use) if name in content.modules))


def _streams(tree: GuestTree, files: InitramfsFiles) -> Iterator[Iterator[bytes]]:
    for index, path in enumerate(files.paths):
        stream = files.loaded[index].open() if files.loaded else tree.open(path)
        if stream is None:
            raise GuestReadError(f"{path}: no regular file")
        if not files.unified:
            yield file_chunks(stream)
            continue
        section = pe_sections(stream).get(".initrd")
        if section is not None:
            yield file_chunks(stream, section.start, section.length)


def _gather(chunks: Iterator[bytes], content: InitramfsContent, needed: tuple[str, ...]) -> None:
    dependencies = (name for module in needed for name in content.kernel.dependencies.get(module, ()))
    modules = frozenset((*needed, *dependencies, *CRC32C_MODULES, *content.kernel.crc32c_modules))
    program = posixpath.basename(content.init)
    try:
        for compression, member in read_segments(
            Reader(chunks), lambda name: is_wanted(name, modules, program)
        ):
            content.add(compression, member)
    except ArchiveError as error:
        content.stop(error)


def _unreadable_by_kernel(compression: str, kernel: InstalledKernel) -> str | None:
    """A kernel inflates only what it was built for: CONFIG_RD_GZIP and its like."""
    if compression == UNCOMPRESSED or not kernel.config:
        return None
    symbol = f"CONFIG_RD_{compression.upper()}"
    if kernel.config.get(symbol) == "y" or compression not in {method.name for method in METHODS}:
        return None
    return f"unknown compression to this kernel: it was built without {symbol}"


def _facts(
    files: InitramfsFiles, content: InitramfsContent, kernel: InstalledKernel, runtime: Runtime
) -> Initramfs:
    states: dict[str, ModuleState] = {}
    evidence: dict[str, str] = {}
    for name in MODULES_OF_INTEREST:
        states[name], said = _module(name, content, kernel)
        if name in runtime.obstacles and states[name] == "module":
            states[name], said = "missing", runtime.obstacles[name]
        elif name in runtime.uncertain and states[name] == "module":
            states[name], said = "unknown", runtime.uncertain[name]
        if said:
            evidence[name] = said
    return Initramfs(
        path=files.paths[-1],
        compression=content.compression or "unknown",
        generator=content.generator,
        host_only=content.host_only,
        modules=states,
        evidence=evidence,
        problem=content.problem,
        own_options=_own_options(content),
        junk=content.junk,
        stops=tuple(runtime.stops),
        unsure=tuple(runtime.unsure),
        obstacles=runtime.obstacles,
        all_modules=tuple(sorted(map(printable, content.modules))),
        growers=tuple(map(printable, _growers(content.unpacked.tree))),
    )


def _growers(tree: GuestTree) -> Iterator[str]:
    """Scripts that grow the root's partition: of initramfs-tools' growroot, and dracut's two modules."""
    for directory in GROWER_DIRECTORIES:
        for name in tree.names(directory):
            path = posixpath.join(directory, name)
            if _GROWER.search(name) is not None and not tree.is_directory(path):
                yield path


def _module(name: str, content: InitramfsContent, kernel: InstalledKernel) -> tuple[ModuleState, str]:
    if kernel.modules[name] == "builtin":
        return "builtin", kernel.evidence[name]
    if name in content.modules:
        return _present_module(name, content, kernel)
    if content.unread is not None:
        return "unknown", content.unread
    if kernel.modules[name] == "unknown":
        return "unknown", ""
    return "missing", _other_versions(content, kernel)


def _other_versions(content: InitramfsContent, kernel: InstalledKernel) -> str:
    """Modules of another version cannot be loaded; empty where there are none."""
    if not content.other_versions:
        return ""
    versions = ", ".join(sorted(content.other_versions)[:3])
    return f"it holds modules for {printable(versions)}, not for {printable(kernel.version)}"


def _present_module(name: str, content: InitramfsContent, kernel: InstalledKernel) -> tuple[ModuleState, str]:
    """A module loads only with all that it needs: modules.dep of the kernel says what that is."""
    path = printable(content.modules[name])
    needed = kernel.dependencies.get(name, ())
    absent = [other for other in needed if other not in content.modules and other not in kernel.builtin]
    if not absent:
        return "module", path
    others = printable(", ".join(absent[:3]))
    state: ModuleState = "missing" if content.unread is None else "unknown"
    return (
        state,
        f"{path} is there, but not {others}, which it needs ({posixpath.basename(kernel.directory)})",
    )


def _own_options(content: InitramfsContent) -> str:
    """What the archive adds to the command line by itself, in front of it."""
    if content.generator == "dracut":
        return options_of_dracut(content.unpacked.tree)
    return root_of_initramfs_tools(content.unpacked.tree) if content.generator == "initramfs-tools" else ""


GROWER_DIRECTORIES = (
    *(f"/scripts/{stage}" for stage in ("local-bottom", "local-premount")),
    *(
        f"{top}/dracut/hooks/{stage}"
        for top in ("/usr/lib", "/lib", "/var/lib")
        for stage in ("pre-mount", "mount", "pre-pivot")
    ),
)
_GROWER = re.compile(r"growroot|kiwi-repart")
PROGRAMS = frozenset(
    (
        *(
            "init",
            "systemd",
            "systemd-executor",
            "systemd-udevd",
            "udevd",
            "udevadm",
            "mdev",
            "nlplug-findfs",
        ),
        *("kmod", "modprobe", "busybox", "sh", "dash", "bash", "ash", "lvm", "dmsetup", "mdadm"),
    )
)
_LIBRARY = re.compile(r"(?:lib|ld-|klibc-)[^/]*\.so(?:\.[^/]*)?")
_SETTINGS = re.compile(
    r"conf/[^/]+|conf/conf\.d/[^/]+|scripts/init-top/(?:ORDER|udev)|etc/ld\.so\.conf(?:\.d/[^/]+)?"
    r"|(?:etc|run|(?:usr/)?lib|usr/local/lib)/(?:modprobe\.d|modules-load\.d|udev/rules\.d)/[^/]+"
    r"|etc/(?:modules|cmdline|fstab|cmdline\.d/[^/]+|ld-musl-[^/]+\.path)"
    r"|(?:usr/)?lib/dracut/(?:hostonly-files|build-parameter\.txt)|config|buildconfig"
    r"|(?:usr/)?lib/modules/[^/]+/modules\.(?:dep|alias)(?:\.bin)?"
    r"|etc/lvm/(?:lvm|lvmlocal)\.conf|etc/lvm/devices/system\.devices"
)


def is_wanted(name: str, modules: frozenset[str], program: str = "init") -> bool:
    """Whether the content of the member `name` is kept; `modules`: the names of those that matter.

    `program`: the file name of what the kernel starts.
    """
    base = posixpath.basename(name)
    if base in PROGRAMS or base == program:
        return True
    if ".ko" in base:
        return module_name(base) in modules
    if ".so" in base and _LIBRARY.fullmatch(base):
        return True
    return _SETTINGS.fullmatch(name) is not None
