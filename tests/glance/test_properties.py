from dataclasses import replace
from typing import Any

import pytest
from support.facts import (
    UNREADABLE,
    agent,
    initramfs,
    inspection,
    kernel,
    known,
    linux,
    states,
    windows_driver,
    windows_drivers,
    windows_inspection,
)

from imgtool.glance.properties import derive
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.layout import Firmware


def of(overrides: dict[str, str] | None = None, **changed: Any) -> dict[str, str]:
    return {one.name: one.value for one in derive(inspection(linux(**changed)), overrides or {})}


def with_firmware(firmware: Any, **changed: Any) -> dict[str, str]:
    found = inspection(linux(**changed))
    found = replace(found, guest=replace(found.guest, firmware=firmware))
    return {one.name: one.value for one in derive(found, {})}


def early(**changed: Any) -> Any:
    """A kernel whose modules are all modules, and what its initramfs has of them."""
    return known((kernel(initramfs=known(initramfs(modules=states(**changed)))),))


def test_a_healthy_image_gets_the_whole_table() -> None:
    found = of()
    assert found["os_type"] == "linux"
    assert found["os_distro"] == "debian"
    assert found["architecture"] == "x86_64"
    assert found["hw_disk_bus"] == "virtio"
    assert found["hw_vif_model"] == "virtio"
    assert found["hw_rng_model"] == "virtio"
    assert found["hw_qemu_guest_agent"] == "yes"
    assert "os_require_quiesce" not in found
    assert "hw_scsi_model" not in found


def test_every_property_has_a_reason_and_they_are_sorted() -> None:
    found = derive(inspection(linux()), {"zebra": "1"})
    assert all(one.reason for one in found)
    assert [one.name for one in found] == sorted(one.name for one in found)


@pytest.mark.parametrize("module", ["virtio", "virtio_ring", "virtio_pci"])
@pytest.mark.parametrize("state", ["missing", "unknown"])
def test_without_the_transport_there_is_no_disk_bus(module: str, state: str) -> None:
    assert "hw_disk_bus" not in of(kernels=early(**{module: state}))


def test_virtio_scsi_where_virtio_blk_is_missing() -> None:
    found = of(kernels=early(virtio_blk="missing"))
    assert (found["hw_disk_bus"], found["hw_scsi_model"]) == ("scsi", "virtio-scsi")


@pytest.mark.parametrize("module", ["virtio_scsi", "sd_mod"])
def test_virtio_scsi_needs_both_its_drivers(module: str) -> None:
    assert "hw_disk_bus" not in of(kernels=early(virtio_blk="missing", **{module: "missing"}))


def test_what_is_built_in_needs_no_initramfs() -> None:
    built_in = dict.fromkeys(("virtio", "virtio_ring", "virtio_pci", "virtio_blk"), "builtin")
    found = of(kernels=known((kernel(modules=states(**built_in), initramfs=known(None)),)))
    assert found["hw_disk_bus"] == "virtio"


@pytest.mark.parametrize("found", [known(None), UNREADABLE, known(initramfs(problem="truncated"))])
def test_modules_on_the_root_file_system_do_not_reach_it(found: Any) -> None:
    assert "hw_disk_bus" not in of(kernels=known((kernel(initramfs=found),)))


def test_only_the_default_kernel_counts() -> None:
    old = kernel(version="5.10", default=False)
    new = kernel(initramfs=known(initramfs(modules=states(virtio_pci="missing"))))
    assert "hw_disk_bus" not in of(kernels=known((old, new)))


@pytest.mark.parametrize("field", ["installed", "enabled", "channel"])
@pytest.mark.parametrize("fact", [known(False), UNREADABLE])
def test_the_agent_is_promised_only_where_all_is_known(field: str, fact: Any) -> None:
    agent = replace(linux().agent, **{field: fact})
    assert "hw_qemu_guest_agent" not in of(agent=agent)


def test_unknown_facts_derive_nothing() -> None:
    healthy = linux()
    agent = replace(healthy.agent, installed=UNREADABLE)
    cloud_init = replace(healthy.cloud_init, default_user=UNREADABLE)
    unknown = dict.fromkeys(("os_distro", "os_version", "architecture", "kernels"), UNREADABLE)
    assert with_firmware(UNREADABLE, agent=agent, cloud_init=cloud_init, **unknown) == {"os_type": "linux"}


def test_no_linux_derives_nothing() -> None:
    image = inspection(linux()).image
    nothing = Inspection(image, GuestFacts(status="unknown", reason="no file system was found"))
    assert derive(nothing, {}) == ()


@pytest.mark.parametrize(
    ("bios", "uefi", "expected"),
    [
        (True, True, {}),
        (False, False, {}),
        (True, False, {"hw_firmware_type": "bios"}),
        (False, True, {"hw_firmware_type": "uefi", "hw_machine_type": "q35"}),
    ],
)
def test_firmware(bios: bool, uefi: bool, expected: dict[str, str]) -> None:
    found = with_firmware(known(Firmware(bios=bios, uefi=uefi)))
    assert {
        name: found[name] for name in found if name in {"hw_firmware_type", "hw_machine_type"}
    } == expected


def test_q35_is_for_x86_64_only() -> None:
    found = with_firmware(known(Firmware(bios=False, uefi=True)), architecture=known("aarch64"))
    assert found["hw_firmware_type"] == "uefi"
    assert "hw_machine_type" not in found


@pytest.mark.parametrize("value", ["de\x1b[31mbian", "a" * 300, "", "deb\nian", "\u202edebian"])
def test_hostile_values_from_the_guest_are_left_out(value: str) -> None:
    assert "os_distro" not in of(os_distro=known(value))


def test_overrides_win_and_an_empty_one_unsets() -> None:
    found = of({"hw_disk_bus": "sata", "hw_vif_model": "", "os_require_quiesce": "yes"})
    assert found["hw_disk_bus"] == "sata"
    assert "hw_vif_model" not in found
    assert found["os_require_quiesce"] == "yes"


def of_windows(**changed: Any) -> dict[str, str]:
    return {one.name: one.value for one in derive(windows_inspection(**changed), {})}


def test_a_healthy_windows_gets_its_table() -> None:
    found = of_windows()
    assert found == {
        "architecture": "x86_64",
        "hw_disk_bus": "virtio",
        "hw_firmware_type": "uefi",
        "hw_machine_type": "q35",
        "hw_qemu_guest_agent": "yes",
        "hw_vif_model": "virtio",
        "os_distro": "windows",
        "os_type": "windows",
        "os_version": "10.0.20348",
    }


def test_windows_with_vioscsi_gets_a_scsi_bus() -> None:
    found = of_windows(drivers=known((windows_driver("vioscsi"),)))
    assert (found["hw_disk_bus"], found["hw_scsi_model"]) == ("scsi", "virtio-scsi")
    assert "hw_vif_model" not in found


@pytest.mark.parametrize("changed", [{"start": 3}, {"file": None}, {"device_ids": ()}])
def test_a_storage_driver_that_does_not_start_gives_no_bus(changed: dict[str, Any]) -> None:
    assert "hw_disk_bus" not in of_windows(drivers=windows_drivers(viostor=changed))


@pytest.mark.parametrize("changed", [None, {"start": 4}, {"file": None}])
def test_a_network_driver_that_does_not_work_gives_no_model(changed: dict[str, Any] | None) -> None:
    assert "hw_vif_model" not in of_windows(drivers=windows_drivers(netkvm=changed))


@pytest.mark.parametrize("name", ["installed", "enabled", "channel"])
def test_the_agent_of_windows_is_promised_only_where_it_will_run(name: str) -> None:
    assert "hw_qemu_guest_agent" not in of_windows(agent=agent(**{name: known(False)}))
    assert "hw_qemu_guest_agent" not in of_windows(agent=agent(**{name: UNREADABLE}))


def test_a_registry_that_cannot_be_read_promises_nothing() -> None:
    found = of_windows(drivers=UNREADABLE, version=UNREADABLE, architecture=UNREADABLE)
    assert not {"hw_disk_bus", "hw_vif_model", "os_version", "architecture"} & set(found)


@pytest.mark.parametrize(
    ("changed", "bus"),
    [
        ({}, None),
        ({"ahci": "missing"}, "scsi"),
        ({"ata_piix": "missing"}, "scsi"),
        ({"ahci": "unknown"}, None),
        ({"ahci": "missing", "virtio_scsi": "missing"}, None),
        ({"ahci": "missing", "sr_mod": "missing"}, None),
    ],
)
def test_the_config_drive_is_put_where_the_kernel_reads_it(changed: Any, bus: str | None) -> None:
    found = of(kernels=known((kernel(modules=states(**changed), initramfs=known(initramfs())),)))
    assert found.get("hw_cdrom_bus") == bus
    assert found.get("hw_scsi_model") == (None if bus is None else "virtio-scsi")


@pytest.mark.parametrize("machine", ["riscv64", "loongarch64", "x32"])
def test_an_architecture_that_nova_does_not_know_is_not_derived(machine: str) -> None:
    assert "architecture" not in of(architecture=known(machine))
    assert of({"architecture": machine}, architecture=known(machine))["architecture"] == machine


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("debian", "debian"),
        ("opensuse-leap", "opensuse"),
        ("opensuse-tumbleweed", "opensuse"),
        ("opensuse-microos", "opensuse"),
        ("alpine", "alpinelinux"),
        ("ol", "ol"),
        ("rocky", "rocky"),
    ],
)
def test_a_distribution_has_its_name_of_libosinfo(identity: str, name: str) -> None:
    assert of(os_distro=known(identity))["os_distro"] == name
