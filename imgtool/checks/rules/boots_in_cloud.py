"""Servers that clouds started from the image came up: shown by `--boot cloud`, after the upload.

What it checks
    Where `--boot cloud` asked for it: Nova started a throwaway server from the uploaded image in each cloud,
    it became ACTIVE and came up to the end of cloud-init or to its login prompt, and where the image claims
    a guest agent, or that its snapshots are quiesced, Nova found that true. Unknown where no server could be
    tried, for want of a flavor or because the cloud failed. Skipped where nobody asked.

Why it matters
    A boot on this machine imitates Nova. This is Nova itself, with the cloud's own hypervisors, network and
    metadata: what its users get.

How to fix
    The finding names the cloud, the stage at which the server stopped, the cause, and what to do. The image
    stays in the cloud, so that it can be looked at; the finding has the command that deletes it. To try it
    again:
        imgtool boot IMAGE_ID --cloud NAME
"""

from collections.abc import Sequence

from imgtool.checks.check import Check, Verdict, failed, passed, skipped, unknown_with
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def judge(inspection: Inspection) -> Verdict:
    """Every server came up; the first that did not is the message, and each is in the evidence."""
    servers = inspection.cloud_boots
    if not servers:
        return skipped("no server was started from it: `--boot cloud` does it after an upload")
    down = [one for one in servers if not one.passed]
    evidence = "; ".join(map(_seen, servers))
    if not down:
        return passed(f"it comes up in {', '.join(one.cloud for one in servers)}", evidence)
    stopped = next((one for one in down if one.tried), None)
    if stopped is None:
        return unknown_with(f"{down[0].cloud}: {down[0].problem}", _remedy(down[0], down), evidence)
    return failed(
        f"it does not come up in {stopped.cloud}: {_why(stopped)}", evidence, _remedy(stopped, down)
    )


def _why(server: CloudBoot) -> str:
    found = server.diagnosis
    return f"{found.cause} (at the stage {found.stage})" if found else f"{server.problem}"


def _seen(server: CloudBoot) -> str:
    """One server: how far it came, and the lines that say why not farther."""
    reached = ", ".join(f"{one.stage} {one.seconds:.0f} s" for one in server.stages)
    lines = server.diagnosis.evidence if server.diagnosis else ()
    told = [f"{server.cloud}: {server.status}", f"flavor {server.flavor}" if server.flavor else "", reached]
    return " | ".join([", ".join(filter(None, told)), *lines])


def _remedy(stopped: CloudBoot, down: Sequence[CloudBoot]) -> str:
    """What to do about the first, and what stays in each cloud that has an image which does not come up."""
    first = stopped.diagnosis.remedy if stopped.diagnosis else "see the server's console in the report"
    commands = [f"`{one.delete_command}`" for one in down if one.delete_command]
    remains = f"the image stays in Glance; to delete it: {', '.join(commands)}" if commands else ""
    return "; ".join(filter(None, [first if stopped.tried else "", remains]))


CHECK = Check("boots-in-cloud", Severity.ERROR, judge, after_boot=True)
