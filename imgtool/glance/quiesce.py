"""os_require_quiesce, which only the operator can ask for: Nova then takes no snapshot that is not frozen.

Where the agent cannot freeze, every snapshot of every instance fails; so this is refused beforehand. Source:
https://docs.openstack.org/nova/latest/admin/configuration/hypervisor-kvm.html, and Nova's guest-fsfreeze-*.
"""

from collections.abc import Iterator, Mapping

from imgtool.errors import UsageError
from imgtool.model.facts import Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.services import AgentFacts

PROPERTY = "os_require_quiesce"
FREEZE_RPCS = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw", "guest-fsfreeze-status")

_ON = frozenset({"yes", "true", "1", "on"})


def check_quiesce(inspection: Inspection, overrides: Mapping[str, str]) -> None:
    """Raise UsageError where it is asked for and the guest's agent was not seen to be able to freeze."""
    if overrides.get(PROPERTY, "").lower() not in _ON:
        return
    agent = _agent(inspection.guest)
    obstacle = "no system was found in the image" if agent is None else next(_obstacles(agent), None)
    if obstacle is not None:
        raise UsageError(
            f"{PROPERTY} would make every snapshot fail: {obstacle}",
            hint=f"correct the image's agent (imgtool check), or leave --property {PROPERTY} out",
        )


def _agent(guest: GuestFacts) -> AgentFacts | None:
    if guest.linux is not None:
        return guest.linux.agent
    return guest.windows.agent if guest.windows is not None else None


def _obstacles(agent: AgentFacts) -> Iterator[str]:
    """Unknown is no yes."""
    needed = {"installed": agent.installed, "enabled": agent.enabled, "reached by its channel": agent.channel}
    for what, fact in needed.items():
        if isinstance(fact, Unknown):
            yield f"whether the agent is {what} is unknown ({fact.reason})"
        elif not fact.value:
            yield f"the agent is not {what} ({fact.evidence})"
    filtered = agent.filtered_rpcs
    if isinstance(filtered, Known):
        forbidden = [one for one in FREEZE_RPCS if one in filtered.value]
        if forbidden:
            yield f"the agent's configuration forbids {', '.join(forbidden)} ({filtered.evidence})"
    else:
        yield f"what the agent's configuration forbids is unknown ({filtered.reason})"
