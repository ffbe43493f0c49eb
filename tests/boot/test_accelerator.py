"""The probe runs in QEMU's own emulation here: KVM is not there on every machine, and lies on some."""

from pathlib import Path

import pytest

from imgtool.boot import accelerator
from imgtool.errors import ToolFailedError

HANGS = b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa"  # jmp $
NO_BOOT_SECTOR = bytes(512)
LEAVES_WITH_ANOTHER_VALUE = bytes((0xB0, 0x01, 0xE6, 0xF4)).ljust(510, b"\0") + b"\x55\xaa"

ENOUGH_SECONDS = 60.0
"""On any machine, however busy."""


def test_the_boot_sector_leaves_by_the_port() -> None:
    assert accelerator.failure_of("tcg", accelerator.BOOT_SECTOR, ENOUGH_SECONDS) is None


@pytest.mark.parametrize("sector", [HANGS, NO_BOOT_SECTOR], ids=["hangs", "no boot sector"])
def test_one_that_does_not_leave_is_ended(sector: bytes) -> None:
    assert "did not end within 1 seconds" in (accelerator.failure_of("tcg", sector, 1) or "")


def test_another_value_is_no_success() -> None:
    found = accelerator.failure_of("tcg", LEAVES_WITH_ANOTHER_VALUE, ENOUGH_SECONDS)
    assert found is not None
    assert "failed with status 3" in found


def test_a_boot_sector_is_one_sector_with_its_signature() -> None:
    assert len(accelerator.BOOT_SECTOR) == 512
    assert accelerator.BOOT_SECTOR[510:] == b"\x55\xaa"


def test_tcg_is_taken_without_a_question() -> None:
    assert accelerator.choose("tcg", "x86_64", Path("/nonexistent")).accelerator == "tcg"


OBSTACLES = [
    ("x86_64", Path("/nonexistent/kvm"), "there is no /nonexistent/kvm"),
    ("aarch64", accelerator.DEVICE, "the image is for aarch64"),
]


@pytest.mark.parametrize(("architecture", "device", "reason"), OBSTACLES)
def test_where_there_is_no_kvm_auto_takes_tcg_and_says_why(
    architecture: str, device: Path, reason: str
) -> None:
    chosen = accelerator.choose("auto", architecture, device)
    assert chosen.accelerator == "tcg"
    assert reason in chosen.reason


def test_kvm_that_was_asked_for_is_not_replaced() -> None:
    with pytest.raises(ToolFailedError, match="there is no /nonexistent/kvm") as caught:
        accelerator.choose("kvm", "x86_64", Path("/nonexistent/kvm"))
    assert caught.value.hint == "--accel tcg needs no KVM"


def test_auto_says_what_it_found_out_on_this_machine() -> None:
    chosen = accelerator.choose("auto", "x86_64")
    expected = {"kvm": "it ran a boot sector", "tcg": "no KVM here: "}
    assert chosen.reason.startswith(expected[chosen.accelerator])
