import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from imgtool.boot import machine
from imgtool.boot.machine import FirmwareFiles, Hardware, arguments
from imgtool.process.qemu_img import OpenImage

ODD = Path("/srv/json:{},a=b,,c:d/overlay.qcow2")
BIOS = Hardware(
    architecture="x86_64",
    bus="virtio-blk",
    uefi=None,
    accelerator="tcg",
    memory_bytes=1 << 30,
    cpus=2,
    uuid="11111111-2222-4333-8444-555555555555",
    image=OpenImage(descriptor=7, format="qcow2", is_device=False),
    overlay=ODD,
    config_drive=Path("/srv/config.iso"),
    cdrom="sata",
    serial=8,
    agent=9,
)
UEFI = replace(BIOS, uefi=FirmwareFiles(Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/srv/vars.fd")))
SCSI = replace(BIOS, bus="virtio-scsi", cdrom="scsi")
ARM = replace(UEFI, architecture="aarch64", cdrom="scsi")
MACHINES = [
    BIOS,
    UEFI,
    SCSI,
    ARM,
    replace(BIOS, cdrom="scsi"),
    replace(SCSI, cdrom="sata"),
    replace(BIOS, accelerator="kvm"),
]


def values(machine: Hardware, option: str) -> list[str]:
    words = arguments(machine)
    return [value for name, value in pairwise(words) if name == option]


def nodes(machine: Hardware) -> dict[str, dict[str, Any]]:
    return {node["node-name"]: node for node in map(json.loads, values(machine, "-blockdev"))}


def devices(machine: Hardware) -> dict[str, dict[str, Any]]:
    return {
        f"{one['driver']} {one.get('drive', '')}".strip(): one
        for one in map(json.loads, values(machine, "-device"))
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_the_sandbox_is_on_and_nothing_is_there_that_was_not_asked_for(machine: Hardware) -> None:
    words = arguments(machine)
    assert values(machine, "-sandbox") == [
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    ]
    assert {"-nodefaults", "-no-user-config"} <= set(words)
    assert not {"-monitor", "-qmp", "-vnc", "-drive", "-hda", "-cdrom", "-snapshot"} & set(words)
    assert values(machine, "-netdev") == ["user,id=net,restrict=on"]


@pytest.mark.parametrize("machine", MACHINES)
def test_only_the_guest_s_own_files_are_writable(machine: Hardware) -> None:
    writable = {name for name, node in nodes(machine).items() if not node.get("read-only")}
    assert writable == {"disk"} | ({"vars"} if machine.uefi else set())
    assert nodes(machine)["disk"]["file"] == {"driver": "file", "filename": str(ODD)}
    assert nodes(machine)["disk"]["backing"] == "image"


@pytest.mark.parametrize(
    ("image", "driver", "has_backing"),
    [
        (OpenImage(7, "raw", is_device=False), "file", False),
        (OpenImage(7, "qcow2", is_device=False), "file", True),
        (OpenImage(7, "vmdk", is_device=False), "file", True),
        (OpenImage(7, "vhdx", is_device=False), "file", False),
        (OpenImage(7, "raw", is_device=True), "host_device", False),
    ],
)
def test_the_image_is_a_descriptor_and_names_no_other_file(
    image: OpenImage, driver: str, has_backing: bool
) -> None:
    machine = replace(BIOS, image=image)
    found = nodes(machine)
    assert found["image-file"] == {
        "node-name": "image-file", "driver": driver, "filename": "/dev/fdset/7", "read-only": True,
    }  # fmt: skip
    assert values(machine, "-add-fd") == ["fd=7,set=7"]
    assert found["image"]["driver"] == image.format
    assert ("backing" in found["image"]) is has_backing
    assert found["image"].get("backing") is None


def test_an_image_that_is_a_part_of_its_file() -> None:
    machine = replace(BIOS, image=OpenImage(7, "vmdk", start_bytes=1536, length_bytes=1 << 20))
    found = nodes(machine)
    assert found["image-part"] == {
        "node-name": "image-part", "driver": "raw", "file": "image-file", "offset": 1536, "size": 1 << 20,
        "read-only": True,
    }  # fmt: skip
    assert found["image"]["file"] == "image-part"


def test_virtio_blk() -> None:
    found = devices(BIOS)
    assert found["virtio-blk-pci disk"]["bootindex"] == 1
    assert not [name for name in found if "scsi" in name]


def test_the_config_drive_is_a_cd_where_nova_puts_it() -> None:
    assert devices(BIOS)["ide-cd config"]["bus"] == "ide.0"
    by_property = devices(replace(BIOS, cdrom="scsi"))
    assert {"virtio-blk-pci disk", "virtio-scsi-pci", "scsi-cd config"} <= by_property.keys()
    assert {"scsi-hd disk", "ide-cd config"} <= devices(replace(SCSI, cdrom="sata")).keys()


def test_virtio_scsi() -> None:
    found = devices(SCSI)
    assert found["scsi-hd disk"]["bootindex"] == 1
    assert {"virtio-scsi-pci", "scsi-cd config"} <= found.keys()
    assert not [name for name in found if "blk" in name]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_virtio_device_has_a_port_of_its_own(machine: Hardware) -> None:
    """Behind a PCIe root port virtio is 1.0 only, as on Nova's q35."""
    ports = [one["bus"] for one in devices(machine).values() if one["driver"].endswith("-pci")]
    assert all(port.startswith("port") for port in ports)
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_agent_s_channel_and_the_console_are_sockets_without_a_name(machine: Hardware) -> None:
    assert values(machine, "-chardev") == ["socket,id=console,fd=8", "socket,id=agent,fd=9"]
    port = devices(machine)["virtserialport"]
    assert (port["chardev"], port["name"]) == ("agent", "org.qemu.guest_agent.0")
    assert values(machine, "-serial") == ["chardev:console"]


def test_firmware() -> None:
    assert values(BIOS, "-machine") == ["q35,graphics=off"]
    assert values(UEFI, "-machine") == ["q35,graphics=off,pflash0=code,pflash1=vars"]
    assert nodes(UEFI)["code"]["read-only"] is True
    assert values(MACHINES[3], "-machine") == ["virt,pflash0=code,pflash1=vars"]


def test_secure_boot_keeps_its_variables_for_smm() -> None:
    """Else the guest could write them itself: OVMF's README, "SMM support"."""
    files = FirmwareFiles(Path("/usr/share/OVMF/OVMF_CODE_4M.ms.fd"), Path("/srv/vars.fd"), secure=True)
    machine = replace(BIOS, uefi=files)
    assert values(machine, "-machine") == ["q35,graphics=off,pflash0=code,pflash1=vars,smm=on"]
    assert values(machine, "-global") == ["driver=cfi.pflash01,property=secure,value=on"]
    assert values(UEFI, "-global") == []


def test_the_guest_knows_that_it_is_on_openstack() -> None:
    assert "product=OpenStack Nova" in values(BIOS, "-smbios")[0]
    assert values(BIOS, "-uuid") == [BIOS.uuid]


def test_a_clock_that_counts_instructions() -> None:
    counted = replace(BIOS, counted=True)
    assert values(counted, "-icount") == ["shift=3,sleep=on"]
    assert values(counted, "-rtc") == ["clock=vm"]
    assert values(counted, "-accel") == ["tcg,thread=single,tb-size=512"]
    assert values(BIOS, "-icount") == values(BIOS, "-rtc") == []


@pytest.mark.parametrize(
    ("option", "value"), [("-m", "1024M"), ("-smp", "2"), ("-accel", "tcg,thread=multi,tb-size=512")]
)
def test_size_and_accelerator(option: str, value: str) -> None:
    assert values(BIOS, option) == [value]


def test_kvm() -> None:
    assert (values(MACHINES[-1], "-accel"), values(MACHINES[-1], "-cpu")) == (["kvm"], ["host"])


def test_an_emulated_processor_has_what_a_system_may_ask_for() -> None:
    (cpu,) = values(BIOS, "-cpu")
    model, *without = cpu.split(",")
    assert model == "max"
    asked_for = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}  # by x86-64-v3
    assert not asked_for & {one.removesuffix("=off") for one in without}
    assert values(MACHINES[3], "-cpu") == ["max"]


def test_each_architecture_has_a_machine_and_a_processor() -> None:
    assert set(machine.MACHINES) == set(machine._EMULATED_CPUS) == {"x86_64", "aarch64"}
