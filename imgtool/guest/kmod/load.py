"""Whether a module gets loaded when its device appears, or when it is asked for by its name.

Sources: kmod's libkmod/libkmod-module.c (kmod_module_probe_insert_module) and tools/modprobe.c; systemd's
src/udev/udev-builtin-kmod.c; the kernel's kernel/module/main.c (blacklisted) and init/main.c
(initcall_blacklisted). A blacklist counts for what is found by an alias, not for what is asked for by name,
and not for what another module needs. An install command counts for all of these.
"""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.unpacked import NotKeptError
from imgtool.guest.kernel_command_line import CommandLine, Option, parse_command_line
from imgtool.guest.kmod.config import ModprobeConfig, Rule, first_word, never_loads
from imgtool.guest.kmod.files import is_signed, module_problem, unpacked_module
from imgtool.guest.kmod.index import Index, ModuleIndex, TextIndex, normal
from imgtool.guest.kmod.parameters import parameter_types, refused_value, switched
from imgtool.guest.sysctl import MODULES_DISABLED, is_set
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_INDEX_BYTES = 16 << 20
"""Of modules.alias.bin; of Fedora's with all its modules it has 1.5 MiB."""
MAX_DEPENDENCIES = 500
LOCKED_DOWN = ("integrity", "confidentiality")

DEVICE_ALIASES: Mapping[str, str] = {
    "virtio_pci": "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
    "virtio_net": "virtio:d00000001v00001AF4",
    "virtio_blk": "virtio:d00000002v00001AF4",
    "virtio_console": "virtio:d00000003v00001AF4",
    "virtio_rng": "virtio:d00000004v00001AF4",
    "virtio_balloon": "virtio:d00000005v00001AF4",
    "virtio_scsi": "virtio:d00000008v00001AF4",
    "virtio_gpu": "virtio:d00000010v00001AF4",
    "sd_mod": "scsi:t-0x00",
}
"""What the kernel calls the device that a module drives: the file `modalias` in /sys."""

DISKS_OF_SCSI = frozenset({"virtio_scsi", "sd_mod"})
NO_SCAN = frozenset({"none", "manual"})
"""Values for which the kernel looks for no device on a SCSI bus: drivers/scsi/scsi_scan.c, scsi_scan_type."""
INIT_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "virtio": ("virtio_init",),
    "virtio_pci": ("virtio_pci_driver_init",),
    "virtio_blk": ("virtio_blk_init", "init"),
    "virtio_scsi": ("virtio_scsi_init", "init"),
    "virtio_net": ("virtio_net_driver_init", "init"),
    "virtio_console": ("virtio_console_init", "init"),
    "virtio_balloon": ("virtio_balloon_driver_init",),
    "sd_mod": ("init_sd",),
    "ext4": ("ext4_init_fs",),
    "xfs": ("init_xfs_fs",),
    "btrfs": ("init_btrfs_fs",),
    "dm_mod": ("dm_init",),
}
"""The functions by which modules start, for initcall_blacklist=: older kernels call some of them `init`."""


@dataclass(frozen=True, slots=True)
class FoundModule:
    """A module by modules.dep."""

    path: str
    """Guest path of its file."""
    needs: tuple[str, ...]
    """Guest paths of the files that it needs, those that are needed first at the end."""


@dataclass(frozen=True, slots=True)
class LoadRules:
    """What decides besides the files."""

    is_builtin: Callable[[str], bool]
    config: ModprobeConfig
    line: CommandLine
    blacklist: frozenset[str] = frozenset()
    """Modules that the command line keeps from being loaded in this tree alone."""
    text_indexes: bool = False
    """Busybox's modprobe loads: it reads modules.dep, and not modules.dep.bin."""
    signed_only: str | None = None
    """Why the kernel takes no module without a signature, as `signatures_asked` says it."""
    machines: frozenset[str] = frozenset()
    """The kernel's, as `uname -m` says it; empty where it is not known."""


def signatures_asked(line: CommandLine, config: Mapping[str, str]) -> str | None:
    """Why the kernel takes signed modules alone: kernel/module/signing.c, security/lockdown/lockdown.c.

    `config` is its build configuration, empty where that is not known.
    """
    if config.get("CONFIG_MODULE_SIG", "" if config else "y") != "y":
        return None
    if config.get("CONFIG_MODULE_SIG_FORCE") == "y":
        return "CONFIG_MODULE_SIG_FORCE=y"
    if any(normal(one.key) == "module.sig_enforce" and switched(one.value) for one in line.kernel):
        return "kernel command line: module.sig_enforce"
    mode = line.kernel_value("lockdown")
    if mode in LOCKED_DOWN and config.get("CONFIG_SECURITY_LOCKDOWN_LSM") == "y":
        return f"kernel command line: lockdown={mode}"
    return None


class ModuleLoader:
    """The modules of one kernel in one file tree: the root file system's, or the initramfs's."""

    def __init__(
        self,
        tree: GuestTree,
        directory: str,
        rules: LoadRules,
    ) -> None:
        """`directory`: of the kernel's modules."""
        self._suffix = "" if rules.text_indexes else ".bin"
        self._tree = tree
        self._directory = directory
        self._is_builtin = rules.is_builtin
        self._config = rules.config
        self._line = rules.line
        self._signed_only = rules.signed_only
        self._machines = rules.machines
        self._blacklist = rules.blacklist
        self._indexes: dict[str, ModuleIndex | str] = {}
        self._files: dict[str, str | None] = {}

    def device_obstacle(self, module: str) -> str | None:
        """Why `module` is not loaded when its device appears; None where it is, or is built in.

        Raises GuestReadError where that cannot be told.
        """
        return self.alias_obstacle(module, DEVICE_ALIASES[module])

    def alias_obstacle(self, module: str, alias: str) -> str | None:
        """Return the obstacle for any other name that the kernel or udev asks by."""
        stopped = self._kernel_refuses(module)
        if stopped is not None or self._is_builtin(module):
            return stopped
        unfound = self._unresolved(module, alias) or self._blacklisted(module)
        return unfound or self._insertion_obstacle(module)

    def name_obstacle(self, module: str, *, blacklists: bool = False) -> str | None:
        """Why `modprobe MODULE` does not load it. `blacklists`: with the option -b."""
        stopped = self._kernel_refuses(module)
        if stopped is not None or self._is_builtin(module):
            return stopped
        unfound = self._led_elsewhere(module, module)
        if unfound is None and blacklists:
            unfound = self._blacklisted(module)
        return unfound or self._insertion_obstacle(module)

    def find(self, module: str) -> FoundModule | None:
        """What modules.dep says of the module; None where it does not name it."""
        index = self._index("modules.dep")
        if isinstance(index, str):
            return None
        line = next(iter(index.values(module)), None)
        if line is None:
            return None
        path, _, needs = line.partition(":")
        names = needs.split()
        if len(names) > MAX_DEPENDENCIES:
            raise GuestReadError(f"{self._directory}/modules.dep: {module} needs {len(names)} modules")
        return FoundModule(self._absolute(path), tuple(map(self._absolute, names)))

    def _kernel_refuses(self, module: str) -> str | None:
        """What the command line forbids, built in or not."""
        if module in self._line.module_blacklist and not self._is_builtin(module):
            return f"kernel command line: module_blacklist={printable(module)}"
        stopped = self._line.blacklisted_calls.intersection(INIT_FUNCTIONS.get(module, ()))
        if stopped:
            return f"kernel command line: initcall_blacklist={next(iter(stopped))}"
        word = _loads_none(self._line)
        if word is not None and not self._is_builtin(module):
            return f"kernel command line: {word}"
        if module in DISKS_OF_SCSI and self._line.kernel_value("scsi_mod.scan") in NO_SCAN:
            return f"kernel command line: scsi_mod.scan={self._line.kernel_value('scsi_mod.scan')}"
        if module.startswith("virtio_pci") and "off" in (self._line.kernel_value("pci") or "").split(","):
            return "kernel command line: pci=off"
        return None

    def _unresolved(self, module: str, alias: str) -> str | None:
        """Why the alias does not lead to the module: modprobe.d's aliases come before the index."""
        if self._config.alias(alias):
            return self._led_elsewhere(module, alias)
        command = self._config.install_of_alias(alias)
        if command is not None:
            return self._in_place_of(command, module)
        for name in ("modules.dep", "modules.alias"):
            index = self._index(name)
            if isinstance(index, str):
                return index
            if name == "modules.alias" and module not in index.matching(alias):
                return f"{self._directory}/{name}{self._suffix} names no {module} for {alias}"
        return None

    def _led_elsewhere(self, module: str, name: str) -> str | None:
        """Why modprobe.d's aliases for this name lead to others; None where one does, or none is there."""
        configured = self._config.alias(name)
        leads = not configured or any(normal(first_word(rule.rest)) == module for rule in configured)
        return None if leads else configured[0].place

    def _blacklisted(self, module: str) -> str | None:
        place = self._config.blacklisted.get(module)
        if place is not None:
            return place
        if module in self._line.modprobe_blacklist:
            return f"kernel command line: modprobe.blacklist={printable(module)}"
        if module in self._blacklist:
            return f"kernel command line: {printable(module)} is blacklisted for the initramfs"
        return None

    def _insertion_obstacle(self, module: str) -> str | None:
        """The files, install commands and the kernel's own list, of the module and of all that it needs."""
        index = self._index("modules.dep")
        if isinstance(index, str):
            return index
        found = self.find(module)
        if found is None:
            return f"{self._directory}/modules.dep{self._suffix} does not name {module}"
        for path in (*reversed(found.needs), found.path):
            name = _name(path)
            obstacle = self._kernel_refuses(name) or self._install_command(name) or self._file_problem(path)
            obstacle = obstacle or self._refused_option(name, path)
            if obstacle is not None:
                return obstacle
        return None

    def _install_command(self, module: str) -> str | None:
        rule = self._config.install(module)
        return None if rule is None else self._in_place_of(rule, module)

    def _in_place_of(self, rule: Rule, module: str) -> str | None:
        """What the command of this rule keeps from being loaded."""
        verdict = never_loads(rule.rest, module)
        if verdict is None:
            raise GuestReadError(f"{rule.place}: what that program does with {module} cannot be told")
        return rule.place if verdict else None

    def _refused_option(self, module: str, path: str) -> str | None:
        """An option of modprobe.d or of the command line that the kernel does not take for this module."""
        given = [
            (rule.place, parse_command_line(rule.rest).kernel)
            for rule in self._config.options
            if rule.name == module
        ]
        own = tuple(
            Option(key, one.value)
            for one in self._line.kernel
            for name, _, key in [one.key.partition(".")]
            if key and normal(name) == module
        )
        if not given and not own:
            return None
        types = self._parameters(path)
        for place, options in (*given, ("kernel command line", own)):
            refused = refused_value(options, types)
            if refused is not None:
                return (
                    f"{place}: the kernel refuses {printable(str(refused))} and with it {printable(module)}"
                )
        return None

    def _parameters(self, path: str) -> dict[str, str]:
        try:
            stream = self._tree.open(path)
        except NotKeptError:
            return {}
        return {} if stream is None else parameter_types(unpacked_module(stream))

    def _file_problem(self, path: str) -> str | None:
        if path not in self._files:
            self._files[path] = self._read_file_problem(path)
        return self._files[path]

    def _read_file_problem(self, path: str) -> str | None:
        try:
            stream = self._tree.open(path)
        except NotKeptError:
            return None
        if stream is None:
            return f"{printable(path)} is not there"
        problem = module_problem(stream, path, posixpath.basename(self._directory), self._machines)
        if problem is not None:
            return f"{printable(path)} is {problem}"
        return self._unsigned(path) if self._signed_only else None

    def _unsigned(self, path: str) -> str | None:
        stream = self._tree.open(path)
        if stream is None or is_signed(stream):
            return None
        return f"{printable(path)} has no signature, and the kernel asks for one ({self._signed_only})"

    def _index(self, name: str) -> ModuleIndex | str:
        """The index, or why there is none."""
        if name not in self._indexes:
            self._indexes[name] = self._read_index(posixpath.join(self._directory, name + self._suffix))
        return self._indexes[name]

    def _read_index(self, path: str) -> ModuleIndex | str:
        content = self._tree.read_bytes(path, MAX_INDEX_BYTES)
        if content is None:
            return f"{printable(path)} is not there, so that no module is found: run depmod"
        if not self._suffix:
            return _text_index(path, content.decode("utf-8", "surrogateescape"))
        try:
            return Index(content)
        except GuestReadError as error:
            return f"{printable(path)}: {error}: run depmod"

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._directory, path))


def _loads_none(line: CommandLine) -> str | None:
    """The word by which the kernel loads no module at all; None without one.

    kernel/module/main.c, core_param `nomodule`; fs/proc/proc_sysctl.c, do_sysctl_args: before any program.
    """
    said = [switched(one.value) for one in line.kernel if one.key == "nomodule"]
    if next((one for one in reversed(said) if one is not None), False):
        return "nomodule"
    forbids = (one for one in line.kernel if one.key.replace("/", ".") == f"sysctl.{MODULES_DISABLED}")
    return next((str(one) for one in forbids if is_set(one.value or "")), None)


def _name(path: str) -> str:
    return posixpath.basename(path).partition(".ko")[0].replace("-", "_")


def _text_index(path: str, text: str) -> TextIndex:
    lines = (line for line in text.split("\n") if line and not line.startswith("#"))
    if path.endswith("modules.dep"):
        return TextIndex((_name(line.partition(":")[0]), line) for line in lines)
    words = (line.split() for line in lines)
    return TextIndex((one[1], one[2]) for one in words if len(one) == 3 and one[0] == "alias")
