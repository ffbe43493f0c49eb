"""Which drivers are loaded after the initramfs, by the root file system's own modules and configuration.

Sources: udev's 80-drivers.rules, systemd-modules-load.service(8) and modules-load.d(5); modules(5) of OpenRC
and Debian's /etc/modules.
"""

import posixpath
from functools import cached_property, partial

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.kmod.config import read_modprobe_config
from imgtool.guest.kmod.index import normal
from imgtool.guest.kmod.load import LoadRules, ModuleLoader, signatures_asked
from imgtool.guest.sysctl import MODULES_DISABLED, is_set, setting
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.kernel import ModuleState

LATE_MODULES = ("virtio_net", "virtio_console", "virtio_balloon")
"""What an instance needs once its root is there."""
LOAD_DIRECTORIES = ("/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
                    "/usr/lib/modules-load.d", "/lib/modules-load.d")  # fmt: skip
MODULES_FILE = "/etc/modules"
MAX_LIST_BYTES = 64 << 10
MAX_LISTS = 200
KMOD_PROGRAMS = (
    "/usr/lib/systemd/systemd-udevd",
    "/lib/systemd/systemd-udevd",
    "/usr/bin/kmod",
    "/bin/kmod",
    "/usr/sbin/kmod",
    "/sbin/kmod",
    "/sbin/udevd",
    "/usr/sbin/udevd",
)
"""Where none of them is, modprobe is busybox's."""


def read_late_modules(tree: GuestTree, kernel: InstalledKernel, line: CommandLine) -> dict[str, Fact[bool]]:
    """Say for each of LATE_MODULES that `kernel` has whether it is loaded when its device appears.

    The evidence is its path, or what keeps it from being loaded.
    """
    found: dict[str, ModuleState] = {name: kernel.modules[name] for name in LATE_MODULES}
    wanted = [name for name, state in found.items() if state in {"module", "builtin"}]
    reader = _LateReader(tree, kernel, line)
    return {name: fact_of(partial(reader.read, name)) for name in wanted}


class _LateReader:
    """Reads the configuration once, where it is asked for."""

    def __init__(self, tree: GuestTree, kernel: InstalledKernel, line: CommandLine) -> None:
        self._tree = tree
        self._kernel = kernel
        self._line = line
        self._loader: ModuleLoader | None = None

    def read(self, name: str) -> Known[bool]:
        """Whether the module is loaded. Raises GuestReadError where that cannot be told."""
        loader = self._loader or self._make_loader()
        obstacle = loader.device_obstacle(name)
        if obstacle is None and self._kernel.modules.get(name) != "builtin":
            obstacle = self._locked
        if obstacle is not None and name in _listed(self._tree, self._line):
            obstacle = loader.name_obstacle(name, blacklists=True)
        where = self._kernel.evidence.get(name, name)
        return Known(obstacle is None, where if obstacle is None else obstacle)

    @cached_property
    def _locked(self) -> str | None:
        """What forbids to load modules once the boot has made its settings: before udev has its devices.

        A Debian 12 was booted so: it has neither its port nor FAT. What modules-load.d names comes before it.
        """
        found = setting(self._tree, MODULES_DISABLED)
        if found is None or not is_set(found[0]):
            return None
        return f"{found[1]}: {MODULES_DISABLED} forbids to load modules from then on"

    def _make_loader(self) -> ModuleLoader:
        kernel = self._kernel
        rules = LoadRules(
            is_builtin=lambda name: name in kernel.builtin or kernel.modules.get(name) == "builtin",
            config=read_modprobe_config(self._tree),
            line=self._line,
            text_indexes=not any(map(self._tree.is_file, KMOD_PROGRAMS)),
            signed_only=signatures_asked(self._line, kernel.config),
            machines=kernel.machines,
        )
        self._loader = ModuleLoader(self._tree, kernel.directory, rules)
        return self._loader


def _listed(tree: GuestTree, line: CommandLine) -> frozenset[str]:
    """Modules that are loaded by their names at every boot."""
    names = set(line.loaded_by_systemd)
    files: dict[str, str] = {"": MODULES_FILE}
    for directory in LOAD_DIRECTORIES:
        for name in tree.names(directory):
            if name.endswith(".conf"):
                files.setdefault(name, posixpath.join(directory, name))
    if len(files) > MAX_LISTS:
        raise GuestReadError(f"modules-load.d: more than {MAX_LISTS} files")
    for path in files.values():
        content = tree.read_bytes(path, MAX_LIST_BYTES) if tree.is_file(path) else b""
        lines = (text.strip() for text in (content or b"").decode("utf-8", "replace").splitlines())
        names.update(normal(text.split()[0]) for text in lines if text and text[0] not in "#;")
    return frozenset(names)
