"""os_secure_boot: set only where the operator asks for it, and only for an image that starts with it.

Nova starts such a server with Secure Boot or not at all, which takes UEFI and q35: "Secure Boot" in
https://docs.openstack.org/nova/latest/admin/secure-boot.html. An image whose chain does not hold would stop
in the firmware of every server; so that is refused beforehand, as what is unknown is.
"""

from collections.abc import Iterator, Mapping

from imgtool.errors import UsageError
from imgtool.model.delivery import Property
from imgtool.model.facts import Unknown
from imgtool.model.guest import GuestFacts

PROPERTY = "os_secure_boot"
_WANTED = frozenset({"required", "optional"})


def check_secure_boot(guest: GuestFacts, overrides: Mapping[str, str]) -> None:
    """Raise UsageError where it is required and the image does not start with it."""
    if overrides.get(PROPERTY, "").lower() != "required":
        return
    obstacle = _obstacle(guest)
    if obstacle:
        raise UsageError(
            f"{PROPERTY}=required would stop every server in its firmware: {obstacle}",
            hint=f"see `imgtool explain secure-boot`, or leave --property {PROPERTY} out",
        )


def refuse_unseen(overrides: Mapping[str, str]) -> None:
    """Raise UsageError where it is required of an image that nobody looks into."""
    if overrides.get(PROPERTY, "").lower() == "required":
        raise UsageError(
            f"{PROPERTY}=required stops every server unless the image is signed, which is not known",
            hint=f"leave --property {PROPERTY} out, or --method web-download: then the image is inspected",
        )


def _obstacle(guest: GuestFacts) -> str:
    found = guest.secure_boot
    if isinstance(found, Unknown):
        return f"whether it starts with Secure Boot is unknown ({found.reason})"
    refused = next((one for one in found.value.programs if one.refused), None)
    if refused is not None:
        return f"{refused.path}: {refused.refused}"
    return "" if found.value.holds else "nothing of it was verified"


def of_secure_boot(overrides: Mapping[str, str]) -> Iterator[Property]:
    """What Nova asks for besides: for an image that boots both ways nothing else says UEFI."""
    if overrides.get(PROPERTY, "").lower() in _WANTED:
        yield Property("hw_firmware_type", "uefi", f"{PROPERTY} needs UEFI")
        yield Property("hw_machine_type", "q35", f"{PROPERTY} needs q35; i440fx has none")
