from collections.abc import Iterator
from typing import Any

import pytest
from support import facts
from support.facts import known

from imgtool.boot import compare
from imgtool.model.boot import AgentFacts, Bus, Difference, GuestFilesystem, Stage
from imgtool.model.boot_path import BootPath, BootStep
from imgtool.model.facts import NOT_READ, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.model.secure_boot import Role, SecureBoot, SignedProgram

GIB = 1 << 30


def agent(**changed: Any) -> AgentFacts:
    healthy: dict[str, Any] = {
        "version": known("7.2.22"),
        "os_id": known("debian"),
        "os_version": known("12"),
        "kernel_release": known(facts.VERSION),
    }
    return AgentFacts(**{**healthy, **changed})


def test_a_guest_that_is_what_was_read_has_no_difference() -> None:
    assert compare.differences(facts.guest(), "uefi", agent()) == ()


DIFFERENT = [
    ({"os_id": known("ubuntu")}, Difference("os_distro", "debian", "ubuntu")),
    ({"os_version": known("13")}, Difference("os_version", "12", "13")),
    ({"kernel_release": known("6.1.0-1")}, Difference("kernel", facts.VERSION, "6.1.0-1")),
    ({"version": known("8.2.0")}, Difference("agent_version", "1:7.2+dfsg-7+deb12u18", "8.2.0")),
]


@pytest.mark.parametrize(("changed", "difference"), DIFFERENT)
def test_each_fact_that_differs(changed: dict[str, Any], difference: Difference) -> None:
    assert compare.differences(facts.guest(), "uefi", agent(**changed)) == (difference,)


def test_a_firmware_that_cannot_start_it_and_did() -> None:
    found = compare.differences(facts.guest(), "bios", agent())
    assert found == (Difference("firmware", "uefi", "bios"),)
    assert compare.differences(facts.guest(firmware=NOT_READ), "bios", agent()) == ()


STOPS = BootStep("entry", "waits", "no timeout is set")
SILENT = BootStep("agent", "stops", "qemu-guest-agent does not answer")
REACHES = BootStep("initramfs", "goes-on", "reaches the root", buses=("virtio-blk",))


@pytest.mark.parametrize(
    ("steps", "bus", "stopped", "differs"),
    [
        (facts.BOOT_STEPS, "virtio-blk", None, False),
        (facts.BOOT_STEPS, "virtio-blk", "initramfs", True),
        ((*facts.BOOT_STEPS[:2], STOPS), "virtio-blk", "boot-loader", False),
        ((*facts.BOOT_STEPS[:2], STOPS), "virtio-blk", None, True),
        ((*facts.BOOT_STEPS, SILENT), "virtio-blk", "agent", False),
        ((*facts.BOOT_STEPS, SILENT), "virtio-blk", None, True),
        ((*facts.BOOT_STEPS, REACHES), "virtio-scsi", "initramfs", False),
        ((*facts.BOOT_STEPS, REACHES), "virtio-blk", "initramfs", True),
        ((BootStep("loader", "unknown", "it asks SMBIOS"),), "virtio-blk", "agent", False),
        ((), "virtio-blk", None, False),
    ],
)
def test_the_stage_at_which_it_stops(
    steps: tuple[BootStep, ...], bus: Bus, stopped: Stage | None, differs: bool
) -> None:
    guest = facts.guest(boot_paths=(BootPath("uefi", steps),))
    found = compare.stage_difference(guest, "uefi", bus, stopped)
    assert [one.fact for one in found] == (["boot"] if differs else [])
    assert compare.stage_difference(guest, "bios", bus, stopped) == ()


def test_what_is_unknown_does_not_differ() -> None:
    nothing = AgentFacts()
    assert compare.differences(facts.guest(), "uefi", nothing) == ()
    unread = facts.linux(os_distro=NOT_READ, os_version=known(None), kernels=NOT_READ)
    assert compare.differences(facts.guest(unread), "uefi", agent(os_version=known("rolling"))) == ()
    assert compare.differences(facts.guest(linux=None), "uefi", agent()) == ()


@pytest.mark.parametrize(
    ("package", "program", "same"),
    [
        ("1:7.2+dfsg-7+deb12u18", "7.2.22", True),
        ("2:10.0.2+ds-2", "10.0.2", True),
        ("17:9.0.0-10.el9", "9.0.0", True),
        ("7.2.0-1", "7.20.0", False),
        ("8.1", "7.2.22", False),
        ("git20240101", "7.2", False),
        (None, "7.2", True),
    ],
)
def test_a_package_s_version_may_say_less_than_the_program_s(
    package: str | None, program: str, same: bool
) -> None:
    linux = facts.linux(agent=facts.agent(version=known(package)))
    found = compare.differences(facts.guest(linux), "uefi", agent(version=known(program)))
    assert (found == ()) is same


def with_root(partitions: tuple[int, ...] = (2,)) -> GuestFacts:
    return facts.guest(
        filesystems=(FilesystemFacts("partition 2", "ext4", None, None, "/", partitions=partitions),),
        partitions=tuple(PartitionFacts(number, "", None, 0, number * GIB) for number in (1, 2, 3)),
    )


def mounted(*sizes: tuple[str, int | None]) -> AgentFacts:
    return agent(filesystems=known(tuple(GuestFilesystem("vda", place, "ext4", n, 0) for place, n in sizes)))


def test_a_root_that_is_larger_than_its_partition_was_has_grown() -> None:
    found = compare.root_grown(with_root(), mounted(("/boot", GIB), ("/", 2 * GIB + 1)))
    assert isinstance(found, Known)
    assert found.value is True
    assert found.evidence == f"{2 * GIB + 1} bytes, on partitions that had {2 * GIB}"


def test_a_root_that_has_the_room_it_had_has_not_grown() -> None:
    small = compare.root_grown(with_root(), mounted(("/", 2 * GIB - (100 << 20))))
    volume = compare.root_grown(with_root((2, 3)), mounted(("/", 5 * GIB)))
    assert [one.value for one in (small, volume) if isinstance(one, Known)] == [False, False]


@pytest.mark.parametrize(
    ("guest", "told"),
    [
        (with_root(), mounted(("/boot", GIB))),
        (with_root(), mounted(("/", None))),
        (with_root(), agent(filesystems=facts.UNREADABLE)),
        (with_root(()), mounted(("/", GIB))),
        (with_root((9,)), mounted(("/", GIB))),
        (facts.guest(filesystems=()), mounted(("/", GIB))),
    ],
)
def test_where_either_does_not_tell_it_is_unknown(guest: GuestFacts, told: AgentFacts) -> None:
    assert isinstance(compare.root_grown(guest, told), Unknown)


ROLES: dict[str, Role] = {
    "EFI/BOOT/BOOTX64.EFI": "shim",
    "EFI/BOOT/grubx64.efi": "loader",
    "vmlinuz": "kernel",
}


def _until(refused: str) -> Iterator[SignedProgram]:
    for path, role in ROLES.items():
        yield SignedProgram(role, path, "", (), refused="no" if path == refused else "")
        if path == refused:
            return


@pytest.mark.parametrize(
    ("refused", "stopped"),
    [
        ("EFI/BOOT/BOOTX64.EFI", "firmware"),
        ("EFI/BOOT/grubx64.efi", "boot-loader"),
        ("vmlinuz", "boot-loader"),
    ],
)
def test_secure_boot_foretells_where_it_ends(refused: str, stopped: Stage) -> None:
    chain = SecureBoot(tuple(_until(refused)))
    guest = compare.under_secure_boot(facts.guest(secure_boot=known(chain)))
    assert compare.stage_difference(guest, "uefi", "virtio-blk", stopped) == ()
    (found,) = compare.stage_difference(guest, "uefi", "virtio-blk", None)
    assert "Secure Boot refuses" in found.inspected


def test_what_secure_boot_takes_comes_up_and_what_is_unknown_foretells_nothing() -> None:
    assert compare.under_secure_boot(facts.guest()) == facts.guest()
    unknown = compare.under_secure_boot(facts.guest(secure_boot=Unknown("damaged")))
    assert compare.stage_difference(unknown, "uefi", "virtio-blk", "kernel") == ()
