"""Which checks do not apply to a family of systems, and why: what its vendor does in another way on purpose.

A check that passes is left as it is, and so is one that finds what was added later: a Fedora CoreOS with an
agent of its own is judged by it.
"""

from collections.abc import Mapping

from imgtool.checks.check import Verdict, is_false, skipped
from imgtool.model.guest import Family, GuestFacts
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Outcome

OF_CLOUD_INIT = frozenset(
    {
        "cloud-init-installed",
        "cloud-init-enabled",
        "cloud-init-clean",
        "cloud-init-runs",
    }
)
OF_AGENT = frozenset(
    {
        "guest-agent-installed",
        "guest-agent-enabled",
        "guest-agent-channel",
        "guest-agent-rpcs",
        "agent-answers",
    }
)
NO_AGENT = (
    "has no qemu-guest-agent by design: OpenStack works without it, but for quiesced snapshots and passwords "
    "set from outside"
)
_INSIDE = "its initramfs is inside the kernel image, as its vendor builds it"
OTHERS: Mapping[str, Mapping[str, str]] = {
    "flatcar": {"virtio-initramfs": _INSIDE},
    "cirros": {
        "secrets": "its user's password is part of its documentation: it is an image for tests",
        "initramfs-generic": "its builder makes its initramfs for any machine",
    },
    "nixos": {"initramfs-generic": "its initramfs has what its configuration names, whatever the machine"},
}
"""Name of the family to names of checks and the reason."""


def applied(check: str, verdict: Verdict, guest: GuestFacts) -> Verdict:
    """The verdict of `check`, or that it does not apply to this family."""
    family, linux = guest.family, guest.linux
    if family is None or linux is None or verdict.outcome not in {Outcome.FAIL, Outcome.UNKNOWN}:
        return verdict
    reason = _reason(check, family, linux)
    return verdict if reason is None else skipped(f"{family.title}: {reason}")


def _reason(check: str, family: Family, linux: LinuxFacts) -> str | None:
    if check in OF_CLOUD_INIT and family.first_boot is not None and is_false(linux.cloud_init.installed):
        return f"{family.first_boot} sets an instance up in cloud-init's place"
    if check in OF_AGENT and not family.has_agent and is_false(linux.agent.installed):
        return NO_AGENT
    return OTHERS.get(family.name, {}).get(check)
