"""What is gathered from an initramfs in one pass: its modules, and the traces of what made it."""

import re
from collections import Counter
from collections.abc import Callable

from imgtool.guest.initramfs.cpio import Member
from imgtool.guest.initramfs.reader import ArchiveError, JunkError
from imgtool.guest.initramfs.unpacked import UnpackedTree
from imgtool.guest.kernels import InstalledKernel, module_name

MAX_MODULES = 50_000
"""Modules in one initramfs. Fedora builds about 5,000, and few of them go into an initramfs."""

MAX_VERSIONS = 100
MAX_TRACES = 200

MAX_TRACE_BYTES = 64 << 10
"""Of the files of the generator that are looked into; larger ones are taken as they begin."""

_TRACE = re.compile(
    r"conf/initramfs\.conf|conf/conf\.d/[^/]+"  # initramfs-tools
    r"|(?:usr/)?lib/dracut/(?:hostonly-files|build-parameter\.txt)"
    r"|buildconfig"  # mkinitcpio
)
_DRACUT = re.compile(r"(?:usr/)?lib/dracut/")
_MODULE_DIRECTORY = re.compile(r"(?:usr/|nix/store/[^/]+/)?lib/modules/([^/]+)/")
_PACKED_ROOT = re.compile(r"(?:squash|squashfs-root|erofs-root|squash-root)(?:/root)?\.img|squash/root\.img")
_MKINITFS_DIRECTORY = ".modloop"
"""An empty directory that Alpine's mkinitfs makes and nobody else does: mkinitfs.in, initfs_base."""
HYPERVISOR_DISKS = ("virtio_blk", "virtio_scsi"), ("vmw_pvscsi",), ("hv_storvsc",), ("xen_blkfront",)
"""Disk drivers by hypervisor: no machine has those of two."""
_MKINITCPIO_HOOKS = re.compile(r"^\s*HOOKS=[(\"'](.*?)[)\"']", re.MULTILINE | re.DOTALL)
_MODULES_SETTING = re.compile(r"^\s*MODULES=[\"']?(\w+)", re.MULTILINE)
_HOST_ONLY_OPTION = re.compile(r"(?:^|[\s'\"])(?:-H|--host-?only)(?=[\s'\"]|$)")


def is_trace(name: str) -> bool:
    """Whether the content of the member `name` is wanted."""
    return _TRACE.fullmatch(name) is not None


class InitramfsContent:
    """Filled member by member. `problem` is set where reading ended before its time."""

    def __init__(self, kernel: InstalledKernel, init: str = "/init") -> None:
        """`kernel`: modules of other versions are of no use to it. `init`: the program that it starts."""
        self.kernel = kernel
        self.init = init
        self.unpacked = UnpackedTree()
        self.junk: str | None = None
        """What the kernel complains of, and goes on without what follows."""
        self.modules: dict[str, str] = {}
        """Name of each module to its path in the archive."""
        self.other_versions: set[str] = set()
        self.problem: str | None = None
        self._stopped: str | None = None
        self._packed_root: str | None = None
        """A file system image in the archive, which may hold further modules."""
        self._version = kernel.version
        self._traces: dict[str, str] = {}
        self._dracut = False
        self._mkinitfs = False
        self._members: Counter[str] = Counter()
        self._main: str | None = None

    def add(self, compression: str, member: Member) -> None:
        """Takes note of one member of a segment. Raises ArchiveError beyond a bound."""
        self._members[compression] += 1
        self.unpacked.add(member)
        if member.name == "init" and not member.is_directory:
            self._main = compression
        if member.is_directory:
            self._mkinitfs = self._mkinitfs or member.name == _MKINITFS_DIRECTORY
            return
        if is_trace(member.name):
            self._traces[member.name] = member.content[:MAX_TRACE_BYTES].decode("utf-8", "replace")
        self._dracut = self._dracut or _DRACUT.match(member.name) is not None
        if _PACKED_ROOT.fullmatch(member.name):
            self._packed_root = member.name
        self._add_module(member)
        self._check_bounds()

    def stop(self, error: ArchiveError) -> None:
        """Reading ended here, the kernel's too; only the first reason counts."""
        if isinstance(error, JunkError):
            self.junk = self.junk or str(error)
            return
        self._stopped = self._stopped or str(error)
        self.problem = self._stopped

    def finish(self) -> None:
        """All is read. Without /init the kernel has nothing to run: only an early segment is there."""
        tree = self.unpacked.tree
        self.modules = {name: path for name, path in self.modules.items() if tree.is_file(f"/{path}")}
        if self.problem is not None or tree.exists(self.init):
            return
        if not self._members:
            self.problem = self.junk or "it is empty"
        elif self.junk is not None:
            self.problem = f"{self.junk}, and no {self.init} before that"
        else:
            self.problem = f"only the early segment: no {self.init} in it"

    @property
    def has_ended(self) -> bool:
        """The kernel reads no further."""
        return self.junk is not None or self._stopped is not None

    @property
    def unread(self) -> str | None:
        """Why it may hold more than was seen; None where all was seen."""
        if self._stopped is not None:
            return f"not seen before reading ended: {self._stopped}"
        if self._packed_root is not None:
            return f"may be inside {self._packed_root}, which is not read"
        return None

    @property
    def compression(self) -> str:
        """Return the compression of the segment with /init, or of the largest; empty if there is none."""
        if self._main is not None:
            return self._main
        return self._members.most_common(1)[0][0] if self._members else ""

    @property
    def generator(self) -> str | None:
        """What made it, where a trace tells."""
        if self._dracut:
            return "dracut"
        if "conf/initramfs.conf" in self._traces:
            return "initramfs-tools"
        if "buildconfig" in self._traces:
            return "mkinitcpio"
        return "mkinitfs" if self._mkinitfs else None

    @property
    def host_only(self) -> bool | None:
        """Whether it was made for one machine only, where a trace tells."""
        readers: dict[str, Callable[[], bool | None]] = {
            "dracut": self._dracut_host_only,
            "initramfs-tools": self._initramfs_tools_host_only,
            "mkinitcpio": self._mkinitcpio_host_only,
            "mkinitfs": lambda: False,  # it packs the features of its configuration, whatever the machine has
        }
        return readers[self.generator]() if self.generator is not None else None

    def _add_module(self, member: Member) -> None:
        name = module_name(member.name)
        directory = _MODULE_DIRECTORY.match(member.name)
        if name is None or directory is None:
            return
        if directory[1] == self._version:
            self.modules[name] = member.name
        else:
            self.other_versions.add(directory[1])

    def _check_bounds(self) -> None:
        for held, limit, what in (
            (self.modules, MAX_MODULES, "modules"),
            (self.other_versions, MAX_VERSIONS, "kernel versions"),
            (self._traces, MAX_TRACES, "files of its generator"),
        ):
            if len(held) > limit:
                raise ArchiveError(f"more than {limit} {what}")

    def _dracut_host_only(self) -> bool | None:
        """hostonly-files lists what was put in for this host; build-parameter.txt holds the options.

        `-H` alone does not tell: dracut drops it where /sys or /dev is not mounted, as in an image build.
        """
        if any(name.endswith("hostonly-files") for name in self._traces):
            return True
        options = " ".join(text for name, text in self._traces.items() if name.endswith("parameter.txt"))
        return None if _HOST_ONLY_OPTION.search(options) else False

    def _initramfs_tools_host_only(self) -> bool | None:
        """MODULES of initramfs.conf, which files in conf.d override in the order of their names."""
        last: str | None = None
        for name in ("conf/initramfs.conf", *sorted(set(self._traces) - {"conf/initramfs.conf"})):
            for setting in _MODULES_SETTING.finditer(self._traces[name]):
                last = setting[1]
        return None if last is None else last == "dep"

    def _mkinitcpio_host_only(self) -> bool | None:
        """buildconfig copies the configuration, also where a hook in it was skipped (-S autodetect).

        So the hook's name tells only where its work shows as well: drivers of one hypervisor at most.
        """
        hooks = _MKINITCPIO_HOOKS.findall(self._traces["buildconfig"])
        if not hooks:
            return None
        hypervisors = sum(any(name in self.modules for name in names) for names in HYPERVISOR_DISKS)
        return "autodetect" in hooks[-1].split() and hypervisors < 2
