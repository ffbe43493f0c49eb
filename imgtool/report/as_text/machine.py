"""What a Linux guest's boot depends on, and what is left in it of the machine it was made on, as rows."""

from collections.abc import Iterator, Sequence

from imgtool.model.facts import Known, Unknown
from imgtool.model.layout import FilesystemFacts, Firmware
from imgtool.model.linux import DeviceReference, LinuxFacts
from imgtool.report.as_text.layout import shown


def boot_rows(linux: LinuxFacts) -> Iterator[tuple[str, str]]:
    """Its way from the boot loader to a root file system that fills the disk."""
    yield "command line", shown(linux.command_line, lambda options: options or "empty")
    yield "devices named", shown(linux.device_references, _references)
    yield "root grows", _growth(linux)


def leftover_rows(linux: LinuxFacts) -> Iterator[tuple[str, str]]:
    """One line of each kind; LVM's list only where there is one, since few guests have it."""
    yield "left by cloud-init", shown(linux.cloud_init.leftovers, _listed)
    yield "pinned MAC addresses", shown(linux.pinned_macs, _listed)
    yield "secrets", shown(linux.secrets, _listed)
    fact = linux.lvm_devices_file
    if isinstance(fact, Unknown) or fact.value:
        yield "LVM devices file", shown(fact, lambda _: "names the devices of another machine")


def started_by(firmware: Firmware) -> str:
    """Which firmware finds something to start; the fallback loader in brackets."""
    uefi = f"UEFI ({firmware.fallback_loader or 'no fallback loader'})"
    ways = [name for name, boots in (("BIOS", firmware.bios), (uefi, firmware.uefi)) if boots]
    return " and ".join(ways) or "nothing that starts"


def in_use(filesystem: FilesystemFacts) -> str:
    """A remark where it was not unmounted, else empty."""
    clean = filesystem.clean
    return f", in use when copied ({clean.evidence})" if isinstance(clean, Known) and not clean.value else ""


def _references(references: Sequence[DeviceReference]) -> str:
    """All of them, each once, with what is wrong with one that the boot needs."""
    words = dict.fromkeys(f"{one.device}{_remark(one)}" for one in references)
    return ", ".join(words) or "none"


def _remark(one: DeviceReference) -> str:
    if one.required and one.resolves is False:
        return " (not on this disk)"
    if one.required and one.resolves is None:
        return " (may not be on this disk)"
    return " (not a stable name)" if one.required and not one.stable else ""


def _growth(linux: LinuxFacts) -> str:
    if linux.root_on_lvm:
        return "not by itself: it is on LVM"
    facts = (linux.root_is_last, linux.can_grow)
    hindered = [fact.evidence for fact in facts if isinstance(fact, Known) and not fact.value]
    unknown = [fact.reason for fact in facts if isinstance(fact, Unknown)]
    if hindered or unknown:
        return f"no: {hindered[0]}" if hindered else f"unknown ({unknown[0]})"
    return "at the first boot"


def _listed(found: Sequence[str]) -> str:
    return ", ".join(found) or "none"
