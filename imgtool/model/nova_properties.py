"""The image properties that Nova knows, and the values that it takes.

Glance takes any property. Nova ignores a name that it does not know, and refuses each server of an image
with a value that it does not take. After nova/objects/image_meta.py and nova/objects/fields.py of Nova 34.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from imgtool.errors import UsageError
from imgtool.util import misspelt
from imgtool.util.text import printable

_BUSES = ("fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen")
_ON = frozenset({"true", "yes", "on", "1", "t", "y"})
_SWITCH = ("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n")
"""As oslo_utils.strutils.bool_from_string has them."""
_ANY: tuple[str, ...] = ()
_SWITCHES = (
    "hw_boot_menu", "hw_ephemeral_encryption", "hw_firmware_stateless", "hw_ipxe_boot", "hw_locked_memory",
    "hw_mem_encryption", "hw_pmu", "hw_qemu_guest_agent", "hw_time_hpet", "hw_vif_multiqueue_enabled",
    "hw_virtio_packed_ring", "img_bdm_v2", "img_bittorrent", "img_cache_in_nova", "img_hide_hypervisor_id",
    "img_linked_clone", "img_use_agent", "os_require_quiesce", "os_skip_agent_inject_files_at_boot",
    "os_skip_agent_inject_ssh",
)  # fmt: skip
_TEXTS = (
    "hw_auto_disk_config", "hw_cpu_realtime_mask", "hw_disk_type", "hw_ephemeral_encryption_secret_uuid",
    "hw_machine_type", "hw_mem_page_size", "img_block_device_mapping", "img_hv_requested_version",
    "img_mappings", "img_owner_id", "img_root_device_name", "img_signature",
    "img_signature_certificate_uuid", "os_admin_user", "os_command_line", "os_distro", "os_shutdown_timeout",
    "os_version",
)  # fmt: skip
_NUMBERS = (
    "hw_cpu_cores", "hw_cpu_max_cores", "hw_cpu_max_sockets", "hw_cpu_max_threads", "hw_cpu_sockets",
    "hw_cpu_threads", "hw_device_id", "hw_maxphysaddr_bits", "hw_numa_nodes", "hw_redirected_usb_ports",
    "hw_serial_port_count", "hw_video_ram", "img_compression_level", "img_version",
)  # fmt: skip
_ARCHITECTURES = (
    "aarch64", "alpha", "amd64", "armv6", "armv7b", "armv7l", "cris", "i386", "i486", "i586", "i686", "ia64",
    "lm32", "m68k", "microblaze", "microblazeel", "mips", "mips64", "mips64el", "mipsel", "openrisc",
    "parisc", "parisc64", "ppc", "ppc64", "ppc64le", "ppcemb", "ppcle", "s390", "s390x", "sh4", "sh4eb",
    "sparc", "sparc64", "unicore32", "x86_32", "x86_32p", "x86_64", "xtensa", "xtensaeb",
)  # fmt: skip
_ARCHITECTURE = ("architecture", "hw_architecture", "hw_emulation_architecture")
"""The first is the name that everybody uses."""
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "hw_cdrom_bus": ("ide", "sata", "scsi", "usb"),  # libvirt refuses what else Nova takes
    "hw_cpu_policy": ("dedicated", "mixed", "shared"),
    "hw_cpu_thread_policy": ("isolate", "prefer", "require"),
    "hw_disk_bus": _BUSES,
    "hw_ephemeral_encryption_format": ("luks", "luksv2", "plain"),
    "hw_firmware_type": ("bios", "uefi"),
    "hw_floppy_bus": _BUSES,
    "hw_input_bus": ("usb", "virtio"),
    "hw_maxphysaddr_mode": ("emulate", "passthrough"),
    "hw_mem_encryption_model": ("amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"),
    "hw_pci_numa_affinity_policy": ("legacy", "preferred", "required", "socket"),
    "hw_pointer_model": ("usbtablet",),
    "hw_rescue_bus": _BUSES,
    "hw_rescue_device": ("cdrom", "disk", "floppy", "fs", "lun"),
    "hw_rng_model": ("virtio",),
    "hw_scsi_model": (
        "buslogic", "ibmvscsi", "lsilogic", "lsilogicsas", "lsisas1068", "lsisas1078", "paravirtual",
        "virtio-scsi", "vmpvscsi",
    ),
    "hw_sound_model": ("ac97", "es1370", "ich6", "ich9", "pcspk", "sb16", "usb", "virtio"),
    "hw_tpm_model": ("tpm-crb", "tpm-tis"),
    "hw_tpm_version": ("1.2", "2.0"),
    "hw_usb_model": ("nec-xhci", "none", "qemu-xhci"),
    "hw_video_model": ("bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga", "xen"),
    "hw_vif_model": (
        "e1000", "e1000e", "igb", "lan9118", "ne2k_pci", "netfront", "pcnet", "rtl8139", "spapr-vlan",
        "sriov", "virtio", "vmxnet", "vmxnet3", "virtuale1000", "virtuale1000e", "virtualpcnet32",
        "virtualsriovethernetcard", "virtualvmxnet", "virtualvmxnet3",
    ),
    "hw_viommu_model": ("auto", "intel", "smmuv3", "virtio"),
    "hw_vm_mode": ("baremetal", "exe", "hv", "hvm", "pv", "uml", "xen"),
    "hw_watchdog_action": ("disabled", "none", "pause", "poweroff", "reset"),
    "img_config_drive": ("mandatory", "optional"),
    "img_hv_type": (
        "baremetal", "bhyve", "docker", "fake", "hyperv", "ironic", "kqemu", "kvm", "lxc", "lxd", "openvz",
        "parallels", "phyp", "prsm", "qemu", "test", "uml", "vbox", "vmware", "vz", "xapi", "xen", "zvm",
    ),
    "img_signature_hash_method": ("SHA-224", "SHA-256", "SHA-384", "SHA-512"),
    "img_signature_key_type": (
        "DSA", "ECC_SECP384R1", "ECC_SECP521R1", "ECC_SECT409K1", "ECC_SECT409R1", "ECC_SECT571K1",
        "ECC_SECT571R1", "RSA-PSS",
    ),
    "os_secure_boot": ("disabled", "optional", "required"),
    "os_type": ("linux", "windows"),
}  # fmt: skip
KNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys((*_TEXTS, *_NUMBERS), _ANY),
        **dict.fromkeys(_SWITCHES, _SWITCH),
        **dict.fromkeys(_ARCHITECTURE, _ARCHITECTURES),
        **_CHOICES,
    }
)
"""Each name with its values; none where it takes any text or number."""
_IN_ANY_CASE = frozenset({
    "hw_scsi_model", "hw_vif_model", "hw_vm_mode", "img_hv_type", "os_type", *_ARCHITECTURE, *_SWITCHES,
})  # fmt: skip
"""Whose values Nova takes in capitals too."""
_NUMBER = re.compile(r"[+-]?[0-9]+")
_MACHINE_TYPE = re.compile(
    r"(pc|q35|virt|isapc|microvm|pseries|s390-ccw-virtio|(pc-(i440fx|q35)|pseries|s390-ccw-virtio|virt|powernv)"
    r"-[\w.-]+|powernv\d*|(raspi|mps|sbsa|sifive|spike|malta|none)\S*)"
)
"""QEMU's names of machines, those for servers to the letter: `qemu-system-ARCHITECTURE -machine help`."""
_MACHINES = ("pc", "q35", "virt")
_MEANT: Mapping[str, str] = {"arm64": "aarch64", "x64": "x86_64"}
"""What others call it."""
_PREFIXES = ("hw_", "img_", "os_")
"""Nova's own. Other names are the operator's."""
_ALIKE = 0.85
"""Of difflib: a letter more, less or exchanged in a short name."""


def require_known(properties: Mapping[str, str], otherwise: str = "") -> None:
    """Raise UsageError for a name that looks misspelt, and for a value that Nova does not take.

    `otherwise` ends the hint: how to set it all the same.
    """
    for message, hint in faults(properties.items()):
        raise UsageError(message, hint=f"{hint}{otherwise}")


def is_on(properties: Mapping[str, str], name: str) -> bool:
    """Whether Nova reads the property `name` of an image as a yes; one that is not there is none."""
    return properties.get(name, "").lower() in _ON


def faults(properties: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Find what Nova would not take as it is meant: what is wrong, and what may be meant. Pure."""
    for name, value in properties:
        if name in KNOWN:
            yield from _of_value(name, value)
        elif name.startswith(_PREFIXES) and (alike := misspelt.closest(name, KNOWN, _ALIKE)):
            yield f"Nova knows no image property {printable(name)}", f"did you mean {alike}?"


def _of_value(name: str, value: str) -> Iterator[tuple[str, str]]:
    """An empty one sets nothing."""
    allowed, meant = KNOWN[name], value.lower() if name in _IN_ANY_CASE else value
    if not value:
        return
    if allowed and meant not in allowed:
        yield f"Nova takes no {name}={printable(value)}", _advice(value, allowed)
    elif name in _NUMBERS and not _NUMBER.fullmatch(value):
        yield f"Nova takes no {name}={printable(value)}", "it takes a whole number"
    elif name == "hw_machine_type" and not _MACHINE_TYPE.fullmatch(value):
        yield f"QEMU has no machine type {printable(value)}", _advice(value, _MACHINES)


def _advice(value: str, allowed: tuple[str, ...]) -> str:
    values = {one.lower(): one for one in allowed}
    values |= {other: one for other, one in _MEANT.items() if one in allowed}
    alike = misspelt.closest(value.lower(), values)
    listed = "yes or no" if allowed is _SWITCH else ", ".join(allowed)
    return (f"did you mean {values[alike]}? " if alike else "") + f"it takes {listed}"
