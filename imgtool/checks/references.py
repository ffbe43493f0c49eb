"""How the checks name the devices that a guest refers to, and how its fstab is corrected."""

import re
from collections.abc import Sequence

from imgtool.model import DeviceReference, GuestFacts

FSTAB = "/etc/fstab"


def named(references: Sequence[DeviceReference]) -> str:
    """The devices, each once."""
    return ", ".join(dict.fromkeys(one.device for one in references))


def shown(references: Sequence[DeviceReference]) -> str:
    """Each with where it stands, for evidence."""
    return "; ".join(f"{one.source}: {one.device} on {one.mount_point}" for one in references)


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
