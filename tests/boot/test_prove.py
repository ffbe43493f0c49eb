"""What is decided before anything is started; tests/integration/test_boot.py starts real guests."""

from pathlib import Path

import pytest
from support import facts
from support.facts import known

from imgtool.boot.bench import disk_bytes
from imgtool.boot.prove import prove
from imgtool.errors import ToolMissingError, UsageError
from imgtool.model.boot import BootOptions
from imgtool.model.inspection import Inspection
from imgtool.progress import NullProgress

GIB = 1 << 30


@pytest.mark.parametrize(
    ("virtual", "given"),
    [
        (GIB, 2 * GIB),
        (2 * GIB, 3 * GIB),
        (40 * GIB, 50 * GIB),
        (512, GIB + (1 << 20)),
        (4 * GIB + 512, 5 * GIB + (1 << 20)),
    ],
)
def test_the_disk_has_room_to_grow_in_whole_mebibytes(virtual: int, given: int) -> None:
    assert disk_bytes(virtual) == given


def of(architecture: str) -> Inspection:
    return facts.inspection(facts.linux(architecture=known(architecture)))


def test_an_architecture_that_nobody_can_boot_here_is_said_to_be_so() -> None:
    with pytest.raises(UsageError, match=r"for s390\\x1bx: only x86_64 and aarch64 can be booted"):
        prove(of("s390\x1bx"), BootOptions(), NullProgress())


@pytest.mark.parametrize(
    ("architecture", "package"), [("aarch64", "qemu-system-arm"), ("x86_64", "qemu-system-x86")]
)
def test_a_missing_emulator_names_its_package(
    architecture: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=f"qemu-system-{architecture} is not installed") as caught:
        prove(of(architecture), BootOptions(), NullProgress())
    assert caught.value.hint == f"apt install {package}"


def test_windows_and_the_unknown_are_taken_for_x86_64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for inspection in (facts.windows_inspection(), facts.inspection(guest=facts.guest(linux=None))):
        with pytest.raises(ToolMissingError, match="qemu-system-x86_64"):
            prove(inspection, BootOptions(), NullProgress())
