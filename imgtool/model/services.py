"""The services of a guest that OpenStack speaks to, and what keeps them from coming up."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.facts import NOT_READ, Fact

OPENSTACK_PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
"""The port of the agent's channel as Nova makes it, by its name in the guest."""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """qemu-guest-agent: whether it will really run."""

    installed: Fact[bool] = NOT_READ
    version: Fact[str | None] = NOT_READ
    enabled: Fact[bool] = NOT_READ
    enabled_by: Fact[str | None] = NOT_READ
    """What starts it (a udev rule, a wants link, a runlevel), or what prevents it."""
    channel: Fact[bool] = NOT_READ
    """The default kernel has the virtio_console driver for its port."""
    filtered_rpcs: Fact[tuple[str, ...]] = NOT_READ
    """RPCs that its configuration forbids."""
    port: Fact[str] = NOT_READ
    """What it listens on: a path, with the method before it where that is not virtio-serial."""
    failing_rpcs: Fact[tuple[str, ...]] = NOT_READ
    """RPCs that OpenStack calls and that fail, for what the service may not do; the evidence says what."""


@dataclass(frozen=True, slots=True)
class CloudInitFacts:
    """cloud-init: there, on, and which datasources it may use (empty: its default list)."""

    installed: Fact[bool] = NOT_READ
    enabled: Fact[bool] = NOT_READ
    datasources: Fact[tuple[str, ...]] = NOT_READ
    default_user: Fact[str | None] = NOT_READ
    leftovers: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths of what an instance that ran left behind."""
    version: Fact[str | None] = NOT_READ
    """By the package database; None where it has no such package."""


@dataclass(frozen=True, slots=True)
class FirstBoot:
    """What sets an instance up in cloud-init's place."""

    name: str
    """Ignition, cirros-init, tiny-cloud."""
    on_openstack: bool | None
    """It asks OpenStack's metadata service or config drive; None where that does not show."""
    evidence: str


Effect = Literal["stops", "waits", "unknown"]
"""The boot ends there; it goes on after a while; or that cannot be told."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, as one finding tells it."""

    effect: Effect
    message: str
    """What happens, without a stop at the end."""
    evidence: str
    """Where that stands, and what stands there."""
    remedy: str = ""
    step: Literal["init", "target"] = "target"
    """Of the boot: init itself does not start, or what it starts does not come up."""
    has_udev: bool = False
    """What a device starts, such as the agent by its port, runs all the same."""


@dataclass(frozen=True, slots=True)
class UserSpaceFacts:
    """User space from the first program to the default target, and what an instance has for its own."""

    init: Fact[str] = NOT_READ
    """The program that the root file system is handed to, and what it is in the end."""
    target: Fact[str] = NOT_READ
    """What the boot aims at: systemd's default target, or a runlevel."""
    startup: Fact[tuple[Trouble, ...]] = NOT_READ
    """What keeps init or its target from coming up."""
    mounts: Fact[tuple[Trouble, ...]] = NOT_READ
    """What comes of file systems, swap space and encrypted volumes."""
    selinux: Fact[tuple[Trouble, ...]] = NOT_READ
    network: Fact[tuple[Trouble, ...]] = NOT_READ
    """Whether the first card gets an address."""
    identity: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths of names that every instance would share."""


NO_USER_SPACE = UserSpaceFacts()
"""None of it was read."""
