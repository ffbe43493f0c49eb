"""qemu-guest-agent is allowed to do what OpenStack asks of it.

What it checks
    The agent's configuration (/etc/sysconfig/qemu-ga, /etc/qemu/qemu-ga.conf, /etc/default/qemu-guest-agent)
    does not filter guest-fsfreeze-freeze, -thaw, -status or guest-set-user-password, nor any of `extra_rpcs`
    of the policy. The service may do what they take: freezing needs CAP_SYS_ADMIN, which PrivateUsers= and
    CapabilityBoundingSet= of its unit can take away, and a password needs an /etc that can be written.

Why it matters
    Such an RPC answers with an error. A snapshot that must be quiesced (os_require_quiesce=yes) then
    fails, and so does setting a password.

How to fix
    Remove the RPC from BLOCK_RPCS, BLACKLIST_RPC or FILTER_RPC_ARGS in /etc/sysconfig/qemu-ga, or from
    block-rpcs in /etc/qemu/qemu-ga.conf; on Windows from the ImagePath of the service QEMU-GA. Take the
    setting that is named out of the unit or its drop-in.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from imgtool.checks.check import (
    Check,
    Parameters,
    System,
    Verdict,
    failed,
    is_false,
    on_agent,
    passed,
    skipped,
    unknown,
)
from imgtool.guest.agent_rpcs import KNOWN_RPCS
from imgtool.model.facts import Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.services import AgentFacts
from imgtool.model.verdict import Severity
from imgtool.util import misspelt

NEEDED = (
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-thaw",
    "guest-fsfreeze-status",
    "guest-set-user-password",
)


def rpc(text: str) -> str:
    """An RPC of the agent: a name that it does not have would never be filtered, and so always pass."""
    if text not in KNOWN_RPCS:
        close = misspelt.closest(text, KNOWN_RPCS)
        raise ValueError(f"the guest agent has no {text!r}" + (f"; did you mean {close}?" if close else ""))
    return text


@dataclass(frozen=True, slots=True)
class AgentRpcs(Parameters):
    """What a policy can set."""

    extra_rpcs: tuple[Annotated[str, rpc], ...] = ()
    """What this cloud calls besides."""


def examine(inspection: Inspection, parameters: AgentRpcs) -> Verdict:
    """None of the RPCs that OpenStack and the policy need is filtered."""
    needed = tuple(dict.fromkeys((*NEEDED, *parameters.extra_rpcs)))
    return on_agent(partial(_judge, needed=needed))(inspection)


RIGHTS_REMEDY = "take that setting out of its unit or drop-in"
REMEDIES = {
    "linux": "take them out of BLOCK_RPCS, BLACKLIST_RPC or FILTER_RPC_ARGS in that file",
    "windows": "take them out of ImagePath of the service QEMU-GA: `sc config QEMU-GA binPath= ...`",
}


def _judge(agent: AgentFacts, system: System, needed: tuple[str, ...]) -> Verdict:
    if is_false(agent.installed):
        return skipped("qemu-guest-agent is not installed")
    match agent.filtered_rpcs:
        case Unknown(reason):
            return unknown(reason)
        case Known(filtered, evidence):
            blocked = [name for name in needed if name in filtered]
            if not blocked:
                return _judge_rights(agent, needed, evidence)
            return failed(
                f"the agent refuses {', '.join(blocked)}",
                evidence,
                REMEDIES[system],
            )


def _judge_rights(agent: AgentFacts, needed: tuple[str, ...], evidence: str) -> Verdict:
    """What is not filtered can fail for what the service may do."""
    match agent.failing_rpcs:
        case Unknown(reason):
            return unknown(reason)
        case Known(failing, reasons):
            broken = [name for name in needed if name in failing]
            if not broken:
                return passed("no RPC that OpenStack calls is filtered", evidence)
            return failed(f"the agent cannot carry out {', '.join(broken)}", reasons, RIGHTS_REMEDY)


CHECK = Check("guest-agent-rpcs", Severity.WARNING, examine, AgentRpcs())
