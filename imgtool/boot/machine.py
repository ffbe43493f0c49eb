"""The machine that Nova gives a guest, as QEMU's command line. Pure.

Sources: nova/virt/libvirt/driver.py and blockinfo.py for the devices: q35 with a PCIe root port for each, so
that virtio is 1.0 only. The config drive is a CD-ROM: on SATA, Nova's default on q35, or on virtio-scsi where
the property hw_cdrom_bus says so, which is derived for kernels without ahci. Options: qemu(1).
No name is ever parsed and no format probed: files come as descriptors or as JSON.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtool.model.boot import MIB, Accelerator, Bus, Cdrom
from imgtool.process.qemu_img import OpenImage

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
AGENT_CHANNEL = "org.qemu.guest_agent.0"
MAC = "fa:16:3e:00:00:01"
"""With OpenStack's own prefix."""

MACHINES: Mapping[str, str] = {"x86_64": "q35", "aarch64": "virt"}
"""By architecture: those that can be booted."""

_WITHOUT_A_SCREEN = {"x86_64": ",graphics=off"}
"""SeaBIOS then speaks on the serial console."""

_EMULATED_CPUS = {"x86_64": "max,erms=off,smap=off,smep=off", "aarch64": "max"}
"""All that QEMU can emulate, without what costs a tenth of a boot and no system asks for."""

COUNTED_SHIFT = 3
"""Each instruction takes 2 ** 3 ns of the guest's time: an idle machine emulates about so many."""

_WITH_BACKING = {"qcow2", "vmdk"}
"""Formats whose header could name another file; the gate has refused one that does."""


@dataclass(frozen=True, slots=True)
class FirmwareFiles:
    """UEFI in flash: its code, and a copy of its variables that the guest may write."""

    code: Path
    variables: Path
    secure: bool = False
    """Secure Boot is on: the flash is for the code that runs in SMM only, or the guest could change it."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """One machine."""

    architecture: str
    bus: Bus
    uefi: FirmwareFiles | None
    """None is BIOS."""
    accelerator: Accelerator
    memory_bytes: int
    cpus: int
    uuid: str
    image: OpenImage
    """A descriptor that is open for reading only."""
    overlay: Path
    """A qcow2 that takes all that the guest writes."""
    config_drive: Path
    cdrom: Cdrom
    """The bus of the config drive."""
    serial: int
    """A connected socket: the serial console."""
    agent: int
    """A connected socket: the agent's channel."""
    counted: bool = False
    """The guest's clock counts the instructions of its CPU: nothing times out while a busy machine gives it
    no turn. While it has nothing to do, that clock goes on with ours (qemu(1), -icount)."""


def arguments(hardware: Hardware) -> list[str]:
    """All arguments of qemu-system-ARCHITECTURE."""
    options = (
        *bare(
            hardware.architecture,
            hardware.accelerator,
            firmware=hardware.uefi is not None,
            counted=hardware.counted,
            secure=hardware.uefi is not None and hardware.uefi.secure,
        ),
        ("-m", f"{hardware.memory_bytes // MIB}M"),
        ("-smp", str(hardware.cpus)),
        *_identity(hardware.uuid),
        *_flash(hardware.uefi),
        *_ports(),
        *_disks(hardware),
        *_network_and_random(),
        *_channels(hardware),
    )
    return [word for option in options for word in option]


def bare(
    architecture: str,
    accelerator: Accelerator,
    *,
    firmware: bool,
    counted: bool = False,
    secure: bool = False,
) -> Iterator[tuple[str, ...]]:
    """A machine without devices, in QEMU's sandbox; with `firmware` it has the nodes `code` and `vars`."""
    yield "-nodefaults", "-no-user-config", "-display", "none"
    yield "-sandbox", SANDBOX
    flash = ",pflash0=code,pflash1=vars" if firmware else ""
    smm = ",smm=on" if secure else ""
    yield "-machine", f"{MACHINES[architecture]}{_WITHOUT_A_SCREEN.get(architecture, '')}{flash}{smm}"
    if secure:
        yield "-global", "driver=cfi.pflash01,property=secure,value=on"
    if counted:
        yield "-icount", f"shift={COUNTED_SHIFT},sleep=on"
        yield "-rtc", "clock=vm"
    threads = "single" if counted else "multi"
    # MiB of translated code: by itself QEMU would take a GiB for that; with half of this it translates
    # much of a boot twice.
    yield "-accel", f"tcg,thread={threads},tb-size=512" if accelerator == "tcg" else "kvm"
    yield "-cpu", _EMULATED_CPUS[architecture] if accelerator == "tcg" else "host"


def read_only_file(descriptor: int, name: str, *, is_device: bool = False) -> Iterator[tuple[str, ...]]:
    """The block node `NAME-file` of an inherited descriptor, which QEMU cannot open for writing.

    Descriptor sets are numbered by their descriptor. QEMU locks the file against who would write to it.
    """
    yield "-add-fd", f"fd={descriptor},set={descriptor}"
    driver = "host_device" if is_device else "file"
    yield _node(f"{name}-file", driver, filename=f"/dev/fdset/{descriptor}", **{"read-only": True})


def raw_node(name: str, file: str | Mapping[str, Any], **more: Any) -> tuple[str, ...]:
    """The block node NAME of a raw disk that the node or the file `file` holds."""
    return _node(name, "raw", file=file, **more)


def _identity(uuid: str) -> Iterator[tuple[str, ...]]:
    """What the guest reads in its SMBIOS: cloud-init looks there for OpenStack."""
    yield "-uuid", uuid
    system = "manufacturer=OpenStack Foundation,product=OpenStack Nova,version=0,family=Virtual Machine"
    yield "-smbios", f"type=1,{system},serial={uuid}"


def _flash(uefi: FirmwareFiles | None) -> Iterator[tuple[str, ...]]:
    if uefi is not None:
        yield raw_node("code", disk_file(uefi.code), **{"read-only": True})
        yield raw_node("vars", disk_file(uefi.variables))


def _ports() -> Iterator[tuple[str, ...]]:
    for port in range(1, 7):
        yield device("pcie-root-port", id=f"port{port}", bus="pcie.0", chassis=port, port=port)


def _disks(hardware: Hardware) -> Iterator[tuple[str, ...]]:
    image = hardware.image
    yield from read_only_file(image.descriptor, "image", is_device=image.is_device)
    backing = {"backing": None} if image.format in _WITH_BACKING else {}
    if image.length_bytes is not None:
        part = {"offset": image.start_bytes, "size": image.length_bytes}
        yield raw_node("image-part", "image-file", **part, **{"read-only": True})
    file = "image-file" if image.length_bytes is None else "image-part"
    yield _node("image", image.format, file=file, **{"read-only": True}, **backing)
    # The overlay is thrown away: nothing has to reach the disk.
    cache = {"direct": False, "no-flush": True}
    yield _node(
        "disk", "qcow2", file=disk_file(hardware.overlay), backing="image", cache=cache, discard="unmap"
    )
    if hardware.bus == "virtio-blk":
        yield device("virtio-blk-pci", bus="port1", drive="disk", bootindex=1, werror="report")
    if "scsi" in {hardware.cdrom, hardware.bus.removeprefix("virtio-")}:
        yield device("virtio-scsi-pci", bus="port2", id="scsi")
    if hardware.bus == "virtio-scsi":
        yield device("scsi-hd", bus="scsi.0", lun=0, drive="disk", bootindex=1, werror="report")
    yield raw_node("config", disk_file(hardware.config_drive), **{"read-only": True})
    if hardware.cdrom == "scsi":
        yield device("scsi-cd", bus="scsi.0", lun=1, drive="config")
    else:
        yield device("ide-cd", bus="ide.0", drive="config")


def _network_and_random() -> Iterator[tuple[str, ...]]:
    """QEMU's own network, which answers DHCP and reaches neither the host nor the world."""
    yield "-netdev", "user,id=net,restrict=on"
    # Without its ROM nothing is booted over the network where the disk does not start.
    yield device("virtio-net-pci", bus="port3", netdev="net", mac=MAC, romfile="")
    yield "-object", "rng-random,id=random,filename=/dev/urandom"
    yield device("virtio-rng-pci", bus="port4", rng="random")
    yield device("virtio-balloon-pci", bus="port5")


def _channels(hardware: Hardware) -> Iterator[tuple[str, ...]]:
    yield "-chardev", f"socket,id=console,fd={hardware.serial}"
    yield "-serial", "chardev:console"
    yield "-chardev", f"socket,id=agent,fd={hardware.agent}"
    yield device("virtio-serial-pci", bus="port6", id="channels")
    yield device("virtserialport", bus="channels.0", chardev="agent", name=AGENT_CHANNEL)


def _node(name: str, driver: str, **more: Any) -> tuple[str, str]:
    return "-blockdev", json.dumps({"node-name": name, "driver": driver, **more})


def disk_file(path: Path) -> dict[str, str]:
    """The block node of a file."""
    return {"driver": "file", "filename": str(path)}


def device(driver: str, **properties: Any) -> tuple[str, str]:
    """One device, on the bus that `bus` names or on the usual one."""
    return "-device", json.dumps({"driver": driver, **properties})
