"""Which format suits a cloud, by what is known of it. With clouds: integration/test_format_choice.py."""

import pytest

from imgtool.errors import CloudError
from imgtool.glance.suitable import Storage, common, suitable
from imgtool.model.delivery import CloudName

RBD = (("ceph", "rbd"),)
FILE = (("fast", "file"),)


@pytest.mark.parametrize(
    ("storage", "chosen", "by_import", "because"),
    [
        (Storage("c"), "qcow2", False, "to administrators only; where it is Ceph RBD, --store-type rbd"),
        (Storage("c", unknown="c could not be asked"), "qcow2", False, "could not be asked"),
        (Storage("c", FILE, "as the cloud says"), "qcow2", False, "store fast is of type file as the cloud"),
        (Storage("c", RBD, "by --store-type"), "raw", False, "store ceph is Ceph RBD by --store-type"),
        (Storage("c", (*FILE, *RBD)), "raw", False, "store ceph is Ceph RBD"),
        (Storage("c", (("", "rbd"),)), "raw", False, "the store is Ceph RBD"),
        (Storage("c", RBD, converts=True), "qcow2", True, "raw images of earlier imports"),
        (Storage("c", FILE, converts=True), "qcow2", True, "raw images of earlier imports"),
    ],
)
def test_the_choice_has_its_reason(storage: Storage, chosen: str, by_import: bool, because: str) -> None:
    found = suitable(storage)
    assert (found.target_format, found.by_import) == (chosen, by_import)
    assert because in found.reason


def test_clouds_that_need_different_formats_are_told_apart() -> None:
    names = (CloudName("one"), CloudName("two"))
    same = suitable(Storage("one", FILE))
    assert common((same, suitable(Storage("two"))), names) == same
    with pytest.raises(CloudError, match="one and two need different formats"):
        common((same, suitable(Storage("two", RBD))), names)
