"""A snapshot of the running server, made by Nova: the proof that its file systems can be held still.

Before its hypervisor copies the disk, Nova asks the guest agent to freeze the file systems. Where the agent
cannot, it goes on without a word, unless the image has os_require_quiesce: then it makes no snapshot
(nova/virt/libvirt/driver.py, `_live_snapshot`).
"""

import time
from collections.abc import Mapping

from imgtool.compute.servers import Servers
from imgtool.glance import images
from imgtool.model.cloud_boot import SnapshotOutcome
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.nova_properties import is_on

POLL_SECONDS = 2.0
_REQUIRE = "os_require_quiesce"


def required(properties: Mapping[str, str]) -> bool:
    """Whether Nova makes no snapshot of this image's servers that is not frozen."""
    return is_on(properties, _REQUIRE)


def take(
    servers: Servers, server_id: str, name: str, deadline: float, *, frozen: bool
) -> Fact[SnapshotOutcome]:
    """Let Nova make the snapshot `name`, and wait until it is active, or gone, or until `deadline`.

    `deadline` is of time.monotonic(); `frozen` says that Nova makes none without the agent. The snapshot
    stays: who made it deletes it with the server. Raises CloudError.
    """
    refused = servers.snapshot(server_id, name)
    if refused:
        return Known("failed", f"Nova says: {refused}")
    while True:
        found = images.named(servers.cloud, name)
        if not found:
            return Known("failed", servers.last_failure(server_id, "createImage"))
        if found[0].status == "active":
            how = "Nova made it, as it does only of frozen file systems" if frozen else "Nova made it"
            return Known("quiesced" if frozen else "made", how)
        if found[0].status not in {"queued", "saving", "importing"}:
            return Known("failed", f"the snapshot is {found[0].status}")
        if time.monotonic() > deadline:
            return Unknown(f"it is {found[0].status} still")
        time.sleep(POLL_SECONDS)
