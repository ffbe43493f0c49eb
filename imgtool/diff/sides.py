"""One side of a comparison: an image that is read now, or a document that was saved."""

from collections.abc import Sequence
from dataclasses import replace

from imgtool import glance
from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.diff.snapshot import Snapshot, from_document
from imgtool.model.facts import GuestQuery
from imgtool.model.inspection import Inspection
from imgtool.report.as_json.facts import inspection


def query(policy: Policy = OPENSTACK, trees: Sequence[str] = ()) -> GuestQuery:
    """All that is compared, and what the checks of `policy` need."""
    wanted = registry.guest_query(policy)
    return replace(wanted, packages=True, settings=True, privileged=True, trees=tuple(trees))


def snapshot_of(name: str, facts: Inspection, policy: Policy = OPENSTACK) -> Snapshot:
    """The snapshot of an image that was inspected by this `query`."""
    document = inspection(facts, glance.derive(facts, {}))
    return from_document(name, document, registry.judge(facts, policy))
