"""qemu-guest-agent is allowed to do what OpenStack asks of it.

What it checks
    The agent's configuration (/etc/sysconfig/qemu-ga, /etc/qemu/qemu-ga.conf, /etc/default/qemu-guest-agent)
    does not filter guest-fsfreeze-freeze, -thaw, -status or guest-set-user-password.

Why it matters
    A filtered RPC answers with an error. A snapshot that must be quiesced (os_require_quiesce=yes) then
    fails, and so does setting a password.

How to fix
    Remove the RPC from BLOCK_RPCS, BLACKLIST_RPC or FILTER_RPC_ARGS in /etc/sysconfig/qemu-ga, or from
    block-rpcs in /etc/qemu/qemu-ga.conf.
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model import Known, LinuxFacts, Severity, Unknown

NEEDED = (
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-thaw",
    "guest-fsfreeze-status",
    "guest-set-user-password",
)


def judge(linux: LinuxFacts) -> Verdict:
    """None of the RPCs that OpenStack calls is filtered."""
    if is_false(linux.agent.installed):
        return skipped("qemu-guest-agent is not installed")
    match linux.agent.filtered_rpcs:
        case Unknown(reason):
            return unknown(reason)
        case Known(filtered, evidence):
            blocked = [name for name in NEEDED if name in filtered]
            if not blocked:
                return passed("no RPC that OpenStack calls is filtered", evidence)
            return failed(
                f"the agent refuses {', '.join(blocked)}",
                evidence,
                "take them out of BLOCK_RPCS, BLACKLIST_RPC or FILTER_RPC_ARGS in that file",
            )


CHECK = Check("guest-agent-rpcs", Severity.WARNING, on_linux(judge))
