import pytest
from support import facts
from support.facts import UNREADABLE, known

from imgtool.errors import UsageError
from imgtool.glance.properties import derive, given
from imgtool.model.inspection import Inspection

REQUIRED = {"os_secure_boot": "required"}


def properties(inspection: Inspection, overrides: dict[str, str]) -> dict[str, str]:
    return {one.name: one.value for one in derive(inspection, overrides)}


@pytest.mark.parametrize("wanted", ["required", "optional", "Required"])
def test_an_image_that_holds_gets_what_nova_needs_besides(wanted: str) -> None:
    found = properties(facts.inspection(), {"os_secure_boot": wanted})
    assert (found["hw_firmware_type"], found["hw_machine_type"]) == ("uefi", "q35")


def test_what_the_user_gives_wins_and_without_the_property_nothing_is_set() -> None:
    assert properties(facts.inspection(), REQUIRED | {"hw_machine_type": "pc"})["hw_machine_type"] == "pc"
    assert "os_secure_boot" not in properties(facts.inspection(), {})


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        (known(facts.secure_boot(refused="its hash is revoked")), "BOOTX64.EFI: its hash is revoked"),
        (known(facts.UNSIGNED), "it is not signed"),
        (UNREADABLE, "is unknown"),
    ],
)
def test_an_image_that_would_stop_in_its_firmware_is_refused(chain, reason: str) -> None:
    inspection = facts.with_secure_boot(chain)
    with pytest.raises(UsageError, match=reason):
        properties(inspection, REQUIRED)
    assert properties(inspection, {"os_secure_boot": "optional"})["os_secure_boot"] == "optional"


def test_an_image_that_nobody_looks_into_is_refused() -> None:
    with pytest.raises(UsageError, match="which is not known"):
        given(REQUIRED)
    assert [one.name for one in given({"os_secure_boot": "disabled"})] == ["os_secure_boot"]
