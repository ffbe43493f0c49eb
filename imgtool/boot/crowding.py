"""Whether a boot that stopped says something of its image, or only of a machine that had no time for it.

By TCG a guest takes ten times as long as by KVM; where others want the same cores, waits that are ample on
any real machine end before their time. Its own time-outs are no faults of the image then: where a boot begins
on such a machine, the guest's clock counts its instructions instead.
"""

import os

from imgtool.model.boot import Accelerator, Diagnosis

CROWDED_SHARE = 0.5
"""Of the machine's cores, that others want besides the guest's own."""
OVERLOADED_SHARE = 4.0
"""The same, where a guest gets so few turns that waits of 90 seconds end too early. A clock that counts takes
two or three times the CPU time, so that it is for no less."""


def doubt(found: Diagnosis | None, accelerator: Accelerator, cpus: int) -> str | None:
    """Why the diagnosis of a boot that has just ended may be of the machine's load; None where it stands."""
    if found is None or not found.timed or accelerator == "kvm":
        return None
    busy = crowded(cpus)
    return busy and f"a time-out of the guest's, whose CPU was emulated (TCG) on a busy machine: {busy}"


def crowded(cpus: int, share: float = CROWDED_SHARE) -> str | None:
    """The load of this machine, where others want that share of it besides a guest with so many CPUs."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    if load - min(cpus, cores) < cores * share:
        return None
    return f"its load was {load:.1f} on {cores} cores"
