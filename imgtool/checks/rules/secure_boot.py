"""With Secure Boot on, the image would start.

What it checks
    By UEFI's own rules: that each program of the boot may be started by the one before. Firmware takes shim
    or a loader that Microsoft's certificates of 2011 or 2023 lead to; shim takes a loader and a kernel that
    its distribution signed, of generations (SBAT) that are not withdrawn. Hashes that the image's own update
    of dbx revokes count as revoked. Each signature is verified, and the hash of each file compared.

    Skipped for an image without any signature, unless the policy says `required: true`.

Why it matters
    A server with os_secure_boot=required stops in its firmware where one link is missing: a kernel of one's
    own, a GRUB that grub-install wrote anew, a shim whose generation was withdrawn. Microsoft's certificates
    of 2011 ended in 2026: firmware made since may know those of 2023 only, and nothing new is signed with
    the old ones.

How to fix
    Install the distribution's signed packages, and put shim where firmware looks for it:
        apt install shim-signed grub-efi-amd64-signed && grub-install --removable
"""

from dataclasses import dataclass

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, skipped, unknown
from imgtool.model.facts import NOT_READ, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.secure_boot import ProgramSignature, SecureBoot
from imgtool.model.verdict import Severity

REMEDY = "install the distribution's signed shim, GRUB and kernel (`shim-signed`, `grub-efi-amd64-signed`)"
RENEW = "upgrade shim to a version that Microsoft signed with its certificate of 2023 as well"


@dataclass(frozen=True, slots=True)
class SecureBootRule(Parameters):
    """What a policy can set."""

    required: bool = False
    """An image that is not made for Secure Boot fails."""


def examine(inspection: Inspection, parameters: SecureBootRule) -> Verdict:
    """The chain holds; unknown where the programs could not be read."""
    guest = inspection.guest
    found = guest.secure_boot
    if isinstance(found, Unknown):
        return _unread(guest, found.reason, required=parameters.required)
    if not found.value.signed and not parameters.required:
        return skipped("the image is not made for Secure Boot: what UEFI starts is not signed")
    return _judge(found.value)


def _unread(guest: GuestFacts, reason: str, *, required: bool) -> Verdict:
    """Where UEFI starts nothing there is nothing to verify."""
    if guest.status == "known" and guest.secure_boot == NOT_READ and not required:
        return skipped("UEFI starts nothing on it (boot-firmware judges that): nothing is verified")
    return unknown(reason if guest.status == "known" else guest.reason)


def _judge(found: SecureBoot) -> Verdict:
    chain = "; ".join(f"{one.path}: {_by_whom(one.signatures)}" for one in found.programs)
    refused = next((one for one in found.programs if one.refused), None)
    if refused is not None:
        return failed(f"Secure Boot stops at {refused.path}: {refused.refused}", chain, REMEDY)
    years = found.years
    if years == (2011,):
        return failed(
            "starts with Secure Boot by Microsoft's certificate of 2011 alone, which has ended: firmware with"
            " that of 2023 only does not start it",
            chain,
            RENEW,
        )
    shown = " and ".join(map(str, years))
    return passed(f"starts with Secure Boot, by Microsoft's certificate of {shown}", chain)


def _by_whom(signatures: tuple[ProgramSignature, ...]) -> str:
    names = dict.fromkeys(one.authority or one.signer for one in signatures)
    return " and ".join(names) or "not signed"


CHECK = Check("secure-boot", Severity.INFO, examine, SecureBootRule())
