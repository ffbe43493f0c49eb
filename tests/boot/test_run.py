"""What is decided before anything is started; tests/integration/test_boot.py starts real guests."""

from pathlib import Path

import pytest
from support import boots, facts
from support.facts import known

from imgtool.boot.accelerator import Choice
from imgtool.boot.diagnosis.diagnose import diagnose
from imgtool.boot.run import boot_image
from imgtool.boot.session import BootSession, disk_bytes
from imgtool.errors import ToolMissingError, UsageError
from imgtool.model.boot import Accelerator, BootOptions, BootResult, Bus
from imgtool.model.inspection import Inspection
from imgtool.util.progress import NullProgress

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
        boot_image(of("s390\x1bx"), BootOptions(), NullProgress())


@pytest.mark.parametrize(
    ("architecture", "package"), [("aarch64", "qemu-system-arm"), ("x86_64", "qemu-system-x86")]
)
def test_a_missing_emulator_names_its_package(
    architecture: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=f"qemu-system-{architecture} is not installed") as caught:
        boot_image(of(architecture), BootOptions(), NullProgress())
    assert caught.value.hint == f"apt install {package}"


def test_windows_and_the_unknown_are_taken_for_x86_64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for inspection in (facts.windows_inspection(), facts.inspection(guest=facts.guest(linux=None))):
        with pytest.raises(ToolMissingError, match="qemu-system-x86_64"):
            boot_image(inspection, BootOptions(), NullProgress())


INT3, PANIC = "Oops: int3: 0000 [#1] PREEMPT SMP NOPTI", "Kernel panic - not syncing: Fatal exception"


@pytest.mark.parametrize(
    ("accelerator", "cpus", "log", "started"),
    [
        ("tcg", 2, f"{INT3}\n{PANIC}", [2, 1]),
        ("tcg", 1, f"{INT3}\n{PANIC}", [1]),
        ("kvm", 2, f"{INT3}\n{PANIC}", [2]),
        ("tcg", 2, PANIC, [2]),
        ("tcg", 2, "", [2]),
    ],
)
def test_what_the_emulation_of_several_cpus_broke_is_started_with_one(
    accelerator: Accelerator, cpus: int, log: str, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def boot(bench: BootSession, bus: Bus) -> BootResult:
        tried.append(bench.options.cpus)
        found = diagnose(log, answered=False, timed_out=True)
        return boots.boot(bus=bus, answered=False, diagnosis=found)

    monkeypatch.setattr(BootSession, "boot", boot)
    monkeypatch.setattr("imgtool.boot.accelerator.choose", lambda *_: Choice(accelerator, "chosen"))
    monkeypatch.setattr("imgtool.boot.run.crowded", lambda *_: None)
    boot_image(of("x86_64"), BootOptions(cpus=cpus), NullProgress())
    assert tried == started


@pytest.mark.parametrize(
    ("accelerator", "busy", "counted"),
    [("tcg", "its load was 9.0", True), ("tcg", None, False), ("kvm", "its load was 9.0", False)],
)
def test_an_emulated_guest_on_a_busy_machine_has_a_clock_of_its_own(
    accelerator: Accelerator, busy: str | None, counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[bool, int]] = []

    def boot(bench: BootSession, bus: Bus) -> BootResult:
        tried.append((bench.counted, bench.options.cpus))
        return boots.boot(bus=bus)

    monkeypatch.setattr(BootSession, "boot", boot)
    monkeypatch.setattr("imgtool.boot.accelerator.choose", lambda *_: Choice(accelerator, "chosen"))
    monkeypatch.setattr("imgtool.boot.run.crowded", lambda *_: busy)
    boot_image(of("x86_64"), BootOptions(cpus=2), NullProgress())
    assert tried == [(counted, 1 if counted else 2)]
