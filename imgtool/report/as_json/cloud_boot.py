"""What a server in a cloud showed, as JSON. The keys are a promise to scripts: add, never rename."""

from typing import TYPE_CHECKING

from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report.as_json.boot import cloud_init, diagnosis
from imgtool.report.as_json.values import Seen, clean

if TYPE_CHECKING:
    from imgtool.report.documents import verdicts


def document(found: CloudBoot) -> "verdicts.BootInCloud":
    """`imgtool boot --cloud`."""
    return {"schema_version": SCHEMA_VERSION, **cloud_boot(found)}


def cloud_boot(found: CloudBoot) -> "verdicts.CloudBoot":
    """One server. What is not known is null, and `unknown` has the reason."""
    seen = Seen()
    return {
        "cloud": clean(found.cloud),
        "image_id": clean(found.image_id),
        "name": clean(found.image_name),
        "passed": found.passed,
        "problem": None if found.problem is None else clean(found.problem),
        "server_id": None if found.server_id is None else clean(found.server_id),
        "flavor": clean(found.flavor),
        "status": clean(found.status),
        "hypervisor": None if found.hypervisor is None else clean(found.hypervisor),
        "seconds": round(found.seconds, 1),
        "active_seconds": None if found.active_seconds is None else round(found.active_seconds, 1),
        "stages": [{"stage": one.stage, "seconds": round(one.seconds, 1)} for one in found.stages],
        "login": found.login,
        "cloud_init": seen.value("cloud_init", found.cloud_init, cloud_init),
        "agent_answered": seen.value("agent_answered", found.agent),
        "snapshot": seen.value("snapshot", found.snapshot),
        "root_grown": seen.value("root_grown", found.root_grown),
        "diagnosis": None if found.diagnosis is None else diagnosis(found.diagnosis),
        "delete_command": clean(found.delete_command) if found.delete_command else None,
        "log": [clean(line) for line in found.log],
        "unknown": seen.unknown,
    }
