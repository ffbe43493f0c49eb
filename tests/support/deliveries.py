"""An upload that is planned, one that is done, and one that failed, for tests of reports."""

from dataclasses import replace

from support import facts

from imgtool.model.delivery import GlanceTarget, Property, UploadFailure, UploadPlan, UploadResult

PROPERTY = Property("hw_disk_bus", "virtio", "/boot/initrd.img has virtio_blk")
WANTED = GlanceTarget(
    "debian",
    visibility="shared",
    protected=True,
    hidden=True,
    tags=("golden",),
    members=("a-project",),
    min_ram_mib=512,
    image_id="c0ffee00-0000-4000-8000-000000000001",
    owner="owner-project",
    stores=("fast", "slow"),
    on_conflict="replace",
)
PLAN = UploadPlan("one", facts.image(), "raw", 2, WANTED, (PROPERTY,))
PLAIN = replace(PLAN, wanted=GlanceTarget("debian"))
DONE = UploadResult(PLAN, "an-id", "active", 512, "sha512", "abcd", "raw", 1.25)
FAILED = UploadFailure(replace(PLAIN, cloud="two"), "the store is full", "make room", 6)
