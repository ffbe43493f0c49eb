"""What is inside a Windows guest."""

from dataclasses import dataclass

from imgtool.model.facts import NOT_READ, Fact
from imgtool.model.services import AgentFacts


@dataclass(frozen=True, slots=True)
class WindowsDriver:
    """One virtio driver of a Windows guest."""

    name: str
    """Of its service: viostor, vioscsi, netkvm, VirtioSerial."""
    start: int | None
    """Start of the service, StartOverride considered: 0 is at boot, 3 on demand; None where it has none."""
    file: str | None
    """Guest path of its .sys, None where that is missing."""
    device_ids: tuple[str, ...]
    """PCI ids that the driver database binds to it, as VEN_1AF4&DEV_1001."""


@dataclass(frozen=True, slots=True)
class WindowsSetup:
    """How Windows Setup left the system."""

    image_state: str
    """IMAGE_STATE_COMPLETE, IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE, ..."""
    answer_file: str | None
    """Guest path of what answers the questions of a first boot; None where somebody has to."""


@dataclass(frozen=True, slots=True)
class WindowsFacts:
    """What is inside a Windows guest."""

    product: Fact[str]
    """ProductName: Windows Server 2022 Datacenter."""
    version: Fact[str]
    """Major.minor.build: 10.0.20348."""
    architecture: Fact[str]
    """As `uname -m` would say it: x86_64, i686, aarch64."""
    drivers: Fact[tuple[WindowsDriver, ...]]
    """Those of virtio that are installed."""
    agent: AgentFacts
    cloud_init: Fact[bool]
    """Cloudbase-Init is installed."""
    hibernated: Fact[bool]
    """hiberfil.sys holds a hibernated system (fast startup leaves one too)."""
    setup: Fact[WindowsSetup] = NOT_READ
    """Whether Sysprep generalised it."""
    found_files: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths that a policy asked for, and that are there."""
