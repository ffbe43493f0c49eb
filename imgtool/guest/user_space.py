"""User space from init to the default target, put together for one guest.

Also names that each machine must have for its own, and that an image would give to all of them. Sources:
iscsid(8) (InitiatorName; GenerateName=yes makes one at the first start), nvme-connect(1) (hostnqn, hostid),
dhcpcd(8) (its DUID), zgenhostid(8), NetworkManager(8) (secret_key), "Building Images Safely" of systemd.io
(credential.secret, random-seed).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.fact import fact_of, listed, value_of
from imgtool.guest.full_root import full_root_troubles
from imgtool.guest.init import LOOK_FURTHER, Init, describe_target, find_init, startup_troubles
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.local_mounts import Guest, read_mount_troubles
from imgtool.guest.mounts import System
from imgtool.guest.network_default import NetworkBoot, read_network_troubles
from imgtool.guest.programs import Programs
from imgtool.guest.root_tree import root_tree_troubles
from imgtool.guest.selinux import read_selinux_troubles
from imgtool.guest.service_setup import start_failure
from imgtool.guest.systemd import Machine, StartedUnits, what_starts
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.services import CloudInitFacts, Trouble, UserSpaceFacts


@dataclass(frozen=True, slots=True)
class Boot:
    """What was found out before, as far as it is known."""

    command_line: Fact[str]
    cloud: CloudInitFacts
    config: Fact[CloudConfig]
    kernel: str | None = None
    """The release of the kernel that boots."""
    architecture: str | None = None
    generator: str | None = None
    """What made the initramfs; None where that is not known, or there is none."""


def read_user_space(system: System, contents: DiskContents, boot: Boot, programs: Programs) -> UserSpaceFacts:
    """All facts of it. Where the command line is unknown, what would follow without a word in it."""
    known = boot.command_line.value if isinstance(boot.command_line, Known) else ""
    reader = _Reader(system, contents, replace(boot, command_line=Known(known, "")), programs)
    return UserSpaceFacts(
        init=fact_of(reader.init),
        target=fact_of(reader.target),
        startup=fact_of(reader.startup),
        mounts=fact_of(reader.mounts),
        selinux=fact_of(reader.selinux),
        network=fact_of(reader.network),
        identity=fact_of(lambda: read_shared_identity(system.tree)),
    )


class _Reader:
    """Reads each part once; a part that cannot be read makes those unknown that are built on it."""

    def __init__(self, system: System, contents: DiskContents, boot: Boot, programs: Programs) -> None:
        self._system = system
        self._contents = contents
        self._boot = boot
        self._programs = programs
        self._line = _parsed(boot)
        self._init = fact_of(lambda: Known(self._find_init(), ""))
        self._started = fact_of(self._read_started)

    def _find_init(self) -> Init:
        looks_further = self._boot.generator in LOOK_FURTHER
        return find_init(self._system.tree, self._programs, self._line, looks_further=looks_further)

    def init(self) -> Known[str]:
        init = value_of(self._init)
        return Known(init.program or init.path, init.place)

    def target(self) -> Known[str]:
        return Known(*describe_target(value_of(self._started)))

    def startup(self) -> Known[tuple[Trouble, ...]]:
        init = value_of(self._init)
        started = None if init.problem else value_of(self._started)
        tree = self._system.tree
        found = tuple(startup_troubles(tree, init, started, self._line))
        if started is not None and not self._system.arrangement:
            generator = self._boot.generator
            found += tuple(root_tree_troubles(tree, started, self._line, self._programs, generator))
        evidence = f"{init.path} is {init.program}"
        return Known(found, f"{evidence}; {started.default.place}" if started is not None else evidence)

    def mounts(self) -> Known[tuple[Trouble, ...]]:
        started = value_of(self._started)
        if started is None:
            return Known((), "init is not systemd: it goes on whatever cannot be mounted")
        guest = Guest(
            self._system.tree,
            self._contents,
            self._line,
            self._system.root.filesystem.type,
            _numbers(self._boot.kernel),
            assembled=bool(self._system.arrangement),
        )
        found = read_mount_troubles(started, guest)
        if guest.assembled:
            return found
        full = full_root_troubles(guest.tree, self._system.root.filesystem, self._line)
        return Known((*found.value, *full), found.evidence)

    def selinux(self) -> Known[tuple[Trouble, ...]]:
        return read_selinux_troubles(self._system.tree, self._line, self._boot.kernel)

    def network(self) -> Known[tuple[Trouble, ...]]:
        started = value_of(self._started)
        boot = self._boot
        return read_network_troubles(
            self._system.tree, NetworkBoot(self._line, started, boot.generator), boot.cloud, boot.config
        )

    def _read_started(self) -> Known[StartedUnits | None]:
        init = value_of(self._init)
        if not init.is_systemd:
            return Known(None, "")
        machine = Machine(self._line, self._boot.architecture, kernel=self._boot.kernel)
        return Known(what_starts(self._system.tree, machine, self._programs, start_failure), "")


def _parsed(boot: Boot) -> CommandLine:
    return parse_command_line(boot.command_line.value if isinstance(boot.command_line, Known) else "")


def _numbers(release: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", release or "")
    return (int(found[1]), int(found[2])) if found else None


MAX_BYTES = 64 << 10
ISCSI = ("/etc/iscsi/initiatorname.iscsi", "/etc/initiatorname.iscsi")
FILLED = (
    *("/etc/nvme/hostnqn", "/etc/nvme/hostid", "/var/lib/dhcpcd/duid", "/etc/dhcpcd.duid"),
    *("/var/lib/wicked/duid.xml", "/var/lib/NetworkManager/secret_key"),
    *("/var/lib/systemd/credential.secret", "/var/lib/systemd/random-seed"),
)
HOST_ID = "/etc/hostid"
ZFS = ("/usr/sbin/zpool", "/sbin/zpool", "/usr/bin/zpool")
_INITIATOR = re.compile(rb"^[ \t]*InitiatorName[ \t]*=[ \t]*[^\s#]", re.MULTILINE)
_GENERATED = re.compile(rb"^[ \t]*GenerateName[ \t]*=[ \t]*yes", re.MULTILINE | re.IGNORECASE)


def read_shared_identity(tree: GuestTree) -> Known[tuple[str, ...]]:
    """Guest paths of the files that hold such a name."""
    return listed(_shared(tree), "no name of another machine's")


def _shared(tree: GuestTree) -> Iterator[str]:
    for path in ISCSI:
        content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
        if content and _INITIATOR.search(content) and not _GENERATED.search(content):
            yield path
    for path in FILLED:
        content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
        if content and content.strip():
            yield path
    if tree.size_bytes(HOST_ID) == 4 and any(map(tree.is_file, ZFS)):
        yield HOST_ID
