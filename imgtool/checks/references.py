"""What the checks of a guest's device references share: which are judged, names, fstab's correction."""

import re
from collections.abc import Callable, Sequence

from imgtool.checks.check import Verdict, no_linux, nothing_starts, unknown
from imgtool.model.facts import Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.linux import DeviceReference
from imgtool.model.verdict import Outcome
from imgtool.util.text import enumerated

FSTAB = "/etc/fstab"


def on_required(
    judge: Callable[[Sequence[DeviceReference], GuestFacts], Verdict],
) -> Callable[[Inspection], Verdict]:
    """Apply `judge` to the devices that the boot needs. Only a fault stands where root= cannot be read."""

    def examine(inspection: Inspection) -> Verdict:
        guest = inspection.guest
        if guest.linux is None:
            return no_linux(guest)
        references, command_line = guest.linux.device_references, guest.linux.command_line
        if isinstance(references, Unknown):
            return unknown(references.reason)
        verdict = judge([one for one in references.value if one.required], guest)
        if verdict.outcome is not Outcome.FAIL and isinstance(command_line, Unknown):
            return nothing_starts(guest) or unknown(f"the kernel's command line: {command_line.reason}")
        return verdict

    return examine


def named(references: Sequence[DeviceReference]) -> str:
    """The devices, each once."""
    return enumerated(list(dict.fromkeys(one.device for one in references)))


def shown(references: Sequence[DeviceReference]) -> str:
    """Each with where it stands, for evidence."""
    return enumerated([f"{one.source}: {one.device} on {one.mount_point}" for one in references], "; ")


def uuid_at(guest: GuestFacts, mount_point: str) -> str | None:
    """UUID of the file system that the guest mounts there; None where that is not known."""
    found = (one.uuid for one in guest.filesystems if one.mount_point == mount_point)
    return next((uuid for uuid in found if uuid and re.fullmatch(r"[0-9A-Za-z-]+", uuid)), None)


def rename_in_fstab(reference: DeviceReference, uuid: str) -> str:
    """The command that names the device by its UUID."""
    return f"sed -i '{_address(reference.device)}s|^[^[:space:]]*|UUID={uuid}|' {FSTAB}"


def delete_from_fstab(reference: DeviceReference) -> str:
    """The command that takes the line out."""
    return f"sed -i '{_address(reference.device)}d' {FSTAB}"


def name_root_on_command_line(uuid: str | None) -> str:
    """How root= is corrected."""
    return (
        f"`update-grub`, or `grubby --update-kernel=ALL --args=root=UUID={uuid or '$(findmnt -no UUID /)'}`"
    )


def _address(device: str) -> str:
    """An address of sed's for the lines that begin with `device`, to stand in single quotes.

    Whatever a guest wrote there, it is text for the shell and for sed: for other characters (a blank is
    written \\040) stands what matches any.
    """
    return f"\\|^{re.sub(r'[^A-Za-z0-9/=_:@%+.-]+', '[^[:space:]]*', device)}[[:space:]]|"
