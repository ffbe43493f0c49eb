"""What an initramfs does once the kernel has unpacked it: whether it starts, and which modules it loads.

Sources: the kernel's init/main.c (kernel_init, run_init_process); initramfs-tools' init, scripts/functions
(load_modules) and scripts/init-top/udev; dracut's modules.d/*kernel-modules and *systemd; mkinitcpio's init;
mkinitfs' nlplug-findfs; udev's 80-drivers.rules; the kernel's request_module for file systems.
Words of the command line that end in a shell of the initramfs: initramfs-tools(7) and its scripts/functions
(maybe_break), dracut.cmdline(7) and dracut's units with ConditionKernelCommandLine=|rd.break, mkinitcpio(8),
the init of Alpine's mkinitfs.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.parts import missing_part
from imgtool.guest.initramfs.raid import RAID1_ALIAS, assembly_obstacle
from imgtool.guest.initramfs.unpacked import NotKeptError
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.kmod.config import read_modprobe_config
from imgtool.guest.kmod.index import normal
from imgtool.guest.kmod.load import DEVICE_ALIASES, LoadRules, ModuleLoader, signatures_asked
from imgtool.guest.lvm_devices import keeps_out_others
from imgtool.guest.programs import Programs
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

UDEV_PROGRAMS = (
    "/usr/lib/systemd/systemd-udevd",
    "/lib/systemd/systemd-udevd",
    "/usr/bin/systemd-udevd",
    "/usr/sbin/udevd",
    "/sbin/udevd",
    "/usr/lib/udev/udevd",
    "/lib/udev/udevd",
)
RULE_DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
DRIVER_RULES = "udev/rules.d/80-drivers.rules"
NLPLUG = ("/sbin/nlplug-findfs", "/usr/sbin/nlplug-findfs")
MODPROBE = ("/sbin/modprobe", "/usr/sbin/modprobe")
LVM = ("/sbin/lvm", "/usr/sbin/lvm", "/usr/bin/lvm", "/bin/lvm")
OTHER_INITS = ("/sbin/init", "/etc/init", "/bin/init")
"""What the kernel tries where the first one cannot be started: kernel_init."""
SHELL = "/bin/sh"
SHELLS = frozenset({"sh", "ash", "bash", "dash", "busybox"})
MAX_SETTINGS_BYTES = 256 << 10
MAX_SETTINGS_FILES = 200
CRC32C_MODULES = frozenset({"crc32c_generic", "crc32c_intel", "crc32c_cryptoapi", "crc32_ce"})
"""Modules that provide crc32c, besides those that modules.alias names. It is the one soft dependency without
which a driver does nothing: ext4's mount and libcrc32c's start ask for it, and fail."""
FILESYSTEMS = frozenset({"ext4", "xfs", "btrfs"})

_SETTING = re.compile(r"^[ \t]*(?:export[ \t]+)?(ROOT|BOOT)=[\"']?([^\s\"']*)", re.MULTILINE)
_MODULES_OF_MKINITCPIO = re.compile(r"^\s*MODULES=[(\"']?([^)\"'\n]*)", re.MULTILINE)


@dataclass
class Runtime:
    """What was found."""

    stops: list[str] = field(default_factory=list)
    """Why it ends before it looks for a root, whatever the hardware is."""
    unsure: list[str] = field(default_factory=list)
    """What could not be told of that."""
    obstacles: dict[str, str] = field(default_factory=dict)
    """Module to the reason why it is not loaded, though it is there."""
    uncertain: dict[str, str] = field(default_factory=dict)
    """Module to why that cannot be told."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One unpacked initramfs, and what it was made for."""

    tree: GuestTree
    generator: str | None
    kernel: InstalledKernel
    line: CommandLine
    on_lvm: bool
    on_raid: bool = False


def run(archive: Archive, modules: tuple[str, ...]) -> Runtime:
    """Return which of these modules of the archive it does not load, and whether it starts."""
    found = Runtime()
    programs = Programs(archive.tree)
    start = _guarded(found, lambda: _start_obstacle(archive, programs))
    if start is not None:
        found.stops.append(start)
    word = shell_word_of(_whole_line(archive), archive.generator)
    if word is not None:
        found.stops.append(f"{printable(word)} on the command line ends in a shell of the initramfs")
    blind = blind_word_of(_whole_line(archive), archive.kernel.config)
    if blind is not None:
        found.stops.append(f"{blind} on the command line keeps the kernel from PCI, and so from every disk")
    script = _guarded(found, lambda: _root_script_obstacle(archive))
    if script is not None:
        found.stops.append(script)
    if archive.generator is not None:
        _judge_modules(archive, programs, modules, found)
    return found


def _guarded(found: Runtime, ask: Callable[[], str | None]) -> str | None:
    try:
        return ask()
    except NotKeptError:
        return None  # it is there, and can be run by its mode: too large to look into
    except GuestReadError as error:
        found.unsure.append(str(error))
        return None


# ---------------------------------------------------------------- the start


def _start_obstacle(archive: Archive, programs: Programs) -> str | None:
    """Why nothing is started that goes on by itself; None where something is."""
    first = archive.line.rdinit or "/init"
    obstacle = programs.obstacle(first)
    if obstacle is None:
        return f"rdinit={printable(first)} starts a shell" if posixpath.basename(first) in SHELLS else None
    given = archive.line.init
    if given is not None:
        other = programs.obstacle(given)
        return (
            None if other is None else f"{obstacle}, nor can the kernel start init={printable(given)}: panic"
        )
    if any(programs.obstacle(path) is None for path in OTHER_INITS):
        return None
    if programs.obstacle(SHELL) is None:
        return f"{obstacle}: the kernel starts a shell in its place"
    return f"{obstacle}: the kernel finds nothing to start and panics"


# ---------------------------------------------------------------- modules


def _judge_modules(archive: Archive, programs: Programs, modules: tuple[str, ...], found: Runtime) -> None:
    loads = _Loads(archive, programs)
    for name in modules:
        try:
            obstacle = loads.obstacle(name)
        except GuestReadError as error:
            found.uncertain[name] = str(error)
            continue
        if obstacle is not None:
            found.obstacles[name] = obstacle
    if archive.on_lvm and not any(map(archive.tree.is_file, LVM)):
        found.stops.append("no program lvm in it, and the root is on LVM")
    elif archive.on_lvm and (listed := keeps_out_others(archive.tree)) is not None:
        found.stops.append(f"LVM in it may use the disks of another machine only ({listed})")
    if archive.on_raid:
        assembly = assembly_obstacle(archive.tree, programs, archive.generator)
        found.stops.extend([assembly] if assembly is not None else [])


class _Loads:
    """How this archive loads modules: by their devices, and by a list of names."""

    def __init__(self, archive: Archive, programs: Programs) -> None:
        self._archive = archive
        self._tree = archive.tree
        self._programs = programs
        self._line = _whole_line(archive)
        self._names = _listed(archive, self._line)
        self._loader = ModuleLoader(archive.tree, _module_directory(archive), self._rules())
        self._device_loader = self._find_device_loader()

    def obstacle(self, module: str) -> str | None:
        """Why the module is not loaded. Raises GuestReadError where that cannot be told."""
        by_name = self._names.get(module)
        if by_name is not None and self._loader.name_obstacle(module, blacklists=by_name) is None:
            return self._soft_obstacle(module)
        if module == "raid1":
            return self._loader.alias_obstacle(module, RAID1_ALIAS)
        if module in DEVICE_ALIASES:
            return self._device_loader or self._loader.device_obstacle(module)
        if module in FILESYSTEMS:
            return self._filesystem_obstacle(module)
        return self._loader.name_obstacle(module)

    def _filesystem_obstacle(self, module: str) -> str | None:
        """The kernel asks /sbin/modprobe for it when the root is mounted; mkinitfs' init does by its name."""
        program = next((path for path in MODPROBE if self._tree.exists(path)), MODPROBE[0])
        stopped = self._programs.obstacle(program)
        if stopped is not None:
            return f"nothing loads it: {stopped}"
        if self._archive.generator == "mkinitfs":
            return self._loader.name_obstacle(module) or self._soft_obstacle(module)
        return self._loader.alias_obstacle(module, f"fs-{module}") or self._soft_obstacle(module)

    def _soft_obstacle(self, module: str) -> str | None:
        """crc32c, where the module or one that it needs asks for it: modules.softdep of the kernel."""
        kernel = self._archive.kernel
        asking = [
            name
            for name in (module, *kernel.dependencies.get(module, ()))
            if name in kernel.needing_crc32c and name not in kernel.builtin
        ]
        if not asking:
            return None
        providers = CRC32C_MODULES | kernel.crc32c_modules
        if providers & kernel.builtin:
            return None
        if any(self._loader.name_obstacle(name) is None for name in sorted(providers)):
            return None
        return f"{asking[0]} needs crc32c, and no module in it provides that"

    def _rules(self) -> LoadRules:
        kernel, line = self._archive.kernel, self._line
        blacklist = {
            "dracut": line.initramfs_blacklist,
            "initramfs-tools": line.initramfs_tools_blacklist,
        }.get(self._archive.generator or "", frozenset())
        return LoadRules(
            is_builtin=lambda name: name in kernel.builtin or kernel.modules.get(name) == "builtin",
            config=read_modprobe_config(self._tree),
            line=line,
            blacklist=blacklist,
            signed_only=signatures_asked(line, kernel.config),
            machines=kernel.machines,
        )

    def _find_device_loader(self) -> str | None:
        """Why nothing loads modules when their devices appear; None where something does."""
        if self._archive.generator == "mkinitfs":
            program = next(filter(self._tree.exists, NLPLUG), NLPLUG[0])
            return self._programs.obstacle(program)
        program = next(filter(self._tree.exists, UDEV_PROGRAMS), UDEV_PROGRAMS[0])
        stopped = self._programs.obstacle(program) or self._rule_obstacle()
        if stopped is None and self._archive.generator == "initramfs-tools":
            stopped = _udev_of_initramfs_tools(self._tree)
        return None if stopped is None else f"nothing loads it by its device: {stopped}"

    def _rule_obstacle(self) -> str | None:
        for directory in RULE_DIRECTORIES:
            path = f"{directory}/{DRIVER_RULES}"
            if not self._tree.exists(path) and not self._tree.is_link(path):
                continue
            text = self._tree.read_bytes(path, MAX_SETTINGS_BYTES) if self._tree.is_file(path) else b""
            loads = b"kmod" in (text or b"") or b"modprobe" in (text or b"")
            return None if loads else f"{path} has no rule that does"
        return f"no {posixpath.basename(DRIVER_RULES)} of udev in it"


def _udev_of_initramfs_tools(tree: GuestTree) -> str | None:
    """Scripts run in the order of the file ORDER; one that is not executable does not run."""
    if "/scripts/init-top/udev" not in _text(tree, "/scripts/init-top/ORDER"):
        return "/scripts/init-top/ORDER does not start udev"
    if not tree.is_executable("/scripts/init-top/udev"):
        return "/scripts/init-top/udev, which starts udev, is not there or not executable"
    return None


def _module_directory(archive: Archive) -> str:
    """Where kmod looks: /lib/modules, and /usr/lib/modules where it was built for a system without /lib."""
    version = posixpath.basename(archive.kernel.directory)
    return f"/lib/modules/{version}" if archive.tree.exists("/lib") else f"/usr/lib/modules/{version}"


def options_of_dracut(tree: GuestTree) -> str:
    """What dracut puts in front of the kernel's command line: /etc/cmdline, then /etc/cmdline.d/*.conf."""
    texts = [_text(tree, "/etc/cmdline"), *_texts(tree, "/etc/cmdline.d", ".conf").values()]
    return " ".join(" ".join(texts).split())


def root_of_initramfs_tools(tree: GuestTree) -> str:
    """`root=` as its settings have it; empty where none does."""
    root = _settings_of_initramfs_tools(tree).get("ROOT")
    return f"root={root}" if root else ""


def _settings_of_initramfs_tools(tree: GuestTree) -> dict[str, str]:
    """ROOT and BOOT as conf/initramfs.conf and conf/conf.d set them, the last ones."""
    texts = [_text(tree, "/conf/initramfs.conf"), *_texts(tree, "/conf/conf.d", "").values()]
    return dict(_SETTING.findall("\n".join(texts)))


def _root_script_obstacle(archive: Archive) -> str | None:
    """Why the script that mounts the root, /scripts/$BOOT, mounts none of this disk.

    `boot=` on the command line comes before what the settings say.
    """
    if archive.generator != "initramfs-tools":
        return None
    given = archive.line.values("boot")
    name = (given[-1] if given else None) or _settings_of_initramfs_tools(archive.tree).get("BOOT") or "local"
    if name == "nfs":
        return "BOOT=nfs: it takes its root from a server of NFS"
    if name == "local" or archive.tree.is_file(f"/scripts/{name}"):
        return missing_part(archive.tree)
    return f"BOOT={printable(name)}: there is no /scripts/{printable(name)} in it to mount the root"


def _whole_line(archive: Archive) -> CommandLine:
    """dracut puts what is in /etc/cmdline and /etc/cmdline.d in front of the kernel's: getcmdline."""
    options = options_of_dracut(archive.tree) if archive.generator == "dracut" else ""
    if not options:
        return archive.line
    own = parse_command_line(options)
    line = archive.line
    return CommandLine(
        (*own.kernel, *line.kernel), line.beyond, (*own.systemd, *line.systemd), (*own.words, *line.words)
    )


def _listed(archive: Archive, line: CommandLine) -> dict[str, bool]:
    """Modules that are loaded by their names, and whether blacklists count for them."""
    tree = archive.tree
    if archive.generator == "initramfs-tools":
        return dict.fromkeys(_names_in(_text(tree, "/conf/modules")), False)
    if archive.generator == "mkinitcpio":
        found = _MODULES_OF_MKINITCPIO.findall(_text(tree, "/config"))
        return dict.fromkeys(map(normal, (found[-1] if found else "").split()), True)
    if archive.generator != "dracut":
        return {}
    names = dict.fromkeys(line.loaded_by_systemd, True)
    for directory in ("/etc/modules-load.d", "/usr/lib/modules-load.d", "/lib/modules-load.d"):
        for text in _texts(tree, directory, ".conf").values():
            names.update(dict.fromkeys(_names_in(text), True))
    return {**names, **dict.fromkeys(line.loaded_first, False)}


def _names_in(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [normal(line.split()[0]) for line in lines if line and line[0] not in "#;"]


def _texts(tree: GuestTree, directory: str, suffix: str) -> dict[str, str]:
    paths = [posixpath.join(directory, name) for name in tree.names(directory) if name.endswith(suffix)]
    return {path: _text(tree, path) for path in paths[:MAX_SETTINGS_FILES]}


def _text(tree: GuestTree, path: str) -> str:
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if tree.is_file(path) else b""
    return (content or b"").decode("utf-8", "surrogateescape")


STAGES = {
    "initramfs-tools": frozenset({"top", "modules", "premount", "mount", "mountroot", "bottom", "init"}),
    "dracut": frozenset(
        ("cmdline", "pre-udev", "pre-trigger", "initqueue", "pre-mount", "mount", "pre-pivot", "cleanup")
    ),
    "mkinitcpio": frozenset({"premount", "postmount", "y"}),
}

SINGLE = frozenset({"s", "single", "1"})
"""Words for which mkinitfs' init starts a shell before it goes on."""


def shell_word_of(line: CommandLine, generator: str | None) -> str | None:
    """The word that ends in a shell, in an initramfs by this generator; None where none does."""
    if generator == "dracut":
        return _of_dracut(line) or _of_systemd(line)
    if generator == "mkinitfs":
        return next((word for word in line.words if word in SINGLE), None)
    if generator in {"initramfs-tools", "mkinitcpio"}:
        return _break(line, STAGES[generator]) or (_of_systemd(line) if generator == "mkinitcpio" else None)
    return None


def blind_word_of(line: CommandLine, config: Mapping[str, str]) -> str | None:
    """The word that leaves a machine without its PCI devices; None where none does, and not on x86.

    Debian's kernel 6.1 was booted with acpi=off, by BIOS and by UEFI: QEMU's interrupts and bridges are told
    by ACPI alone. arch/x86/kernel/acpi/boot.c (parse_acpi), arch/x86/pci/common.c (pcibios_setup).
    """
    if config.get("CONFIG_ARM64") == "y":
        return None
    if line.kernel_value("acpi") == "off":
        return "acpi=off"
    return "pci=off" if "off" in (line.kernel_value("pci") or "").split(",") else None


def _break(line: CommandLine, stages: frozenset[str]) -> str | None:
    """The last of `break` and `break=STAGE,...`."""
    words = [word for word in line.words if word == "break" or word.startswith("break=")]
    if not words:
        return None
    named = words[-1].partition("=")[2].split(",") if "=" in words[-1] else ["premount"]
    return words[-1] if stages.intersection(named) else None


def _of_dracut(line: CommandLine) -> str | None:
    for name in ("rd.break", "rdbreak"):
        if line.has(name):
            return name
        found = next((value for value in line.values(name) if value in STAGES["dracut"]), None)
        if found is not None:
            return f"{name}={found}"
    return None


def _of_systemd(line: CommandLine) -> str | None:
    """A unit in place of initrd.target."""
    chosen = line.initramfs_unit
    return None if chosen is None or chosen.unit == "initrd.target" else chosen.option
