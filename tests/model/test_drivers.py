"""Which drivers are there before the root file system is."""

from support import facts
from support.facts import states

from imgtool.model.drivers import PCI, SCSI, DriverSet, before_root
from imgtool.model.kernel import ModuleState


def early(kernel: ModuleState, archive: ModuleState | None) -> ModuleState:
    """The state of virtio_scsi, by its states in the kernel and in the initramfs."""
    initramfs = facts.initramfs(modules={"virtio_scsi": archive} if archive else {})
    found = before_root(facts.kernel(modules=states(virtio_scsi=kernel)), initramfs)
    return found.states["virtio_scsi"]


def test_what_is_built_in_is_there_whatever_the_initramfs_has() -> None:
    assert early("builtin", "missing") == "builtin"
    assert early("builtin", None) == "builtin"


def test_a_module_is_there_only_where_the_initramfs_has_it() -> None:
    assert early("module", "module") == "module"
    assert early("module", "missing") == "missing"
    assert early("module", None) == "missing"
    assert early("missing", None) == "missing"


def test_what_nobody_knows_is_not_there() -> None:
    assert early("module", "unknown") == "unknown"
    assert early("unknown", None) == "unknown"
    assert not DriverSet({"virtio_scsi": "unknown", "sd_mod": "module"}).has(SCSI)


def test_without_an_initramfs_only_what_is_built_in_counts() -> None:
    built_in = states(**dict.fromkeys(PCI, "builtin"))
    found = before_root(facts.kernel(modules=built_in), None)
    assert found.has(PCI)
    assert not found.has(SCSI)
