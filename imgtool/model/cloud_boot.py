"""A throwaway server from an image in a cloud: how it is started, and what it showed."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.boot import CloudInitRun, Diagnosis, StageTime
from imgtool.model.facts import NOT_READ, Fact

BootPlace = Literal["local", "cloud"]
"""Where an image is booted that is uploaded: a copy of it here before, or a server in its clouds after."""
NOT_TRIED = "none"
"""In place of Nova's status, where no server could be asked for."""
SnapshotOutcome = Literal["quiesced", "made", "failed"]
"""`quiesced`: made, and Nova makes none of this image that the agent did not freeze."""


@dataclass(frozen=True, slots=True)
class CloudBootOptions:
    """What the server gets, and how long it may take."""

    flavor: str | None = None
    """Name or id; None: the smallest that fits."""
    network: str = "auto"
    """`auto` is whichever the project has, `none` is none; else a name or an id."""
    keypair: str | None = None
    snapshot: bool | None = None
    """Whether a snapshot of the server is made; None: where the image requires that it is quiesced."""
    timeout_seconds: float = 900.0
    """From the request until the server proves the image, or does not."""


@dataclass(frozen=True, slots=True)
class CloudBoot:
    """What one server showed. Everything that comes from the cloud or the guest is printable."""

    cloud: str
    image_id: str
    image_name: str
    server_id: str | None
    """None where Nova refused to start one."""
    flavor: str
    status: str
    """The last one that Nova showed: ACTIVE, ERROR, …"""
    seconds: float
    """From the request to the end of watching."""
    active_seconds: float | None = None
    """From the request until it was ACTIVE."""
    hypervisor: str | None = None
    """Where this user may see it."""
    stages: tuple[StageTime, ...] = ()
    """Seconds since the request, as the console was looked at: every few seconds."""
    login: bool = False
    """A login prompt was on the console."""
    cloud_init: Fact[CloudInitRun] = NOT_READ
    agent: Fact[bool] = NOT_READ
    """Whether qemu-guest-agent set a password, asked by Nova; unknown where the image claims no agent."""
    snapshot: Fact[SnapshotOutcome] = NOT_READ
    """What came of a snapshot of the running server, which is deleted with it."""
    root_grown: Fact[bool] = NOT_READ
    """Whether the root file system is larger than the whole image, on a disk that has room for it."""
    diagnosis: Diagnosis | None = None
    log: tuple[str, ...] = ()
    """The last lines of the console."""
    problem: str | None = None
    """Why it proves nothing good; None where the image comes up."""
    delete_command: str = ""
    """What deletes the image, which stays in the cloud; empty where it was there before."""

    @property
    def tried(self) -> bool:
        """Nova was asked for a server; else nothing is known of the image."""
        return self.status != NOT_TRIED

    @property
    def passed(self) -> bool:
        """The image comes up in this cloud, and what it claims is true."""
        return self.problem is None
