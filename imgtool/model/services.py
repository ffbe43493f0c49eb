"""The services of a guest that OpenStack speaks to."""

from dataclasses import dataclass

from imgtool.model.facts import NOT_READ, Fact


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """qemu-guest-agent: whether it will really run."""

    installed: Fact[bool]
    version: Fact[str | None]
    enabled: Fact[bool]
    enabled_by: Fact[str | None]
    """What starts it (a udev rule, a wants link, a runlevel), or what prevents it."""
    channel: Fact[bool]
    """The default kernel has the virtio_console driver for its port."""
    filtered_rpcs: Fact[tuple[str, ...]]
    """RPCs that its configuration forbids."""


@dataclass(frozen=True, slots=True)
class CloudInitFacts:
    """cloud-init: there, on, and which datasources it may use (empty: its default list)."""

    installed: Fact[bool]
    enabled: Fact[bool]
    datasources: Fact[tuple[str, ...]]
    default_user: Fact[str | None]
    leftovers: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths of what an instance that ran left behind."""
    version: Fact[str | None] = NOT_READ
    """By the package database; None where it has no such package."""
