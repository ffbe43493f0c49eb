from imgtool.boot.diagnosis.diagnose import diagnose
from imgtool.compute.boot import TRY_AGAIN, advised

LATE = "Timed out waiting for device dev-disk.device - /dev/disk/by-uuid/AB\nYou are in emergency mode."
PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"


def test_a_wait_that_was_over_may_be_the_hypervisors() -> None:
    for log, doubtful in ((LATE, True), (PANIC, False)):
        found = diagnose(log, answered=False, timed_out=False)
        assert found is not None
        assert found.timed is doubtful
        assert (TRY_AGAIN in advised(found).remedy) is doubtful
