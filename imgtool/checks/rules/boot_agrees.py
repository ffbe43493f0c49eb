"""The running guest says of itself what the inspection read on its disk.

What it checks
    Where `--boot` asked for it: how far the boot came, stage by stage, against what its disk foretold
    (`imgtool inspect` shows it); the system and its version, the kernel that runs, the firmware and the
    agent's version, as the running guest tells them, against what was read without starting it. Skipped
    where no boot was run.

Why it matters
    Image properties (os_distro, hw_firmware_type) are derived from what was read. Where another kernel runs
    than the one that was judged, the other checks have judged the wrong one: an update that was not
    finished, a boot loader that reads another configuration.

How to fix
    Run update-grub (or grub2-mkconfig -o /boot/grub2/grub.cfg) so that the newest kernel is the default, and
    take old kernels away. If the inspection is wrong, report it with the output of `imgtool inspect IMAGE`.
"""

from collections.abc import Sequence

from imgtool.checks.booted import check_of_boots
from imgtool.checks.check import Verdict, failed, passed, skipped
from imgtool.model.boot import BootResult
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def judge(_: Inspection, boots: Sequence[BootResult]) -> Verdict:
    """No fact differs."""
    found = dict.fromkeys(one for boot in boots for one in boot.differences)
    if found:
        return failed(
            f"the boot showed something else than its disk: {', '.join(one.fact for one in found)}",
            "; ".join(f"{one.fact}: read {one.inspected}, running {one.booted}" for one in found),
            "make the newest kernel the default (`update-grub`); if the inspection is wrong, report it",
        )
    if not any(one.answered for one in boots):
        return skipped("the agent did not answer (agent-answers judges that)")
    return passed("the running guest says what was read on its disk")


CHECK = check_of_boots("boot-agrees", judge, severity=Severity.WARNING)
