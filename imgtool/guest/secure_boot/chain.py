"""The chain of Secure Boot: each program verified by the one that starts it.

Firmware takes what leads to a certificate of its `db`, and nothing that `dbx` lists (EDK2,
DxeImageVerificationLib). shim takes what leads to its own certificate or one of `db`, whose generations are
not too old, and nothing that its own list forbids (shim, shim.c: verify_buffer; sbat.c). GRUB as
distributions sign it lets shim verify the kernel (GRUB, grub-core/kern/efi/sb.c); a systemd-boot or a unified
image is verified by the firmware, or by shim where that started it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imgtool.guest.boot_runs import BootRun
from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.bootloader.start import Start
from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.secure_boot import sbat
from imgtool.guest.secure_boot.authenticode import SignedFile, read_signed
from imgtool.guest.secure_boot.authorities import AUTHORITIES
from imgtool.guest.secure_boot.lists import Listed, revoked_by, vendor_lists
from imgtool.guest.secure_boot.pkcs7 import Certificate, Signature, leads_to, read_signature
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.secure_boot import ProgramSignature, Role, SecureBoot, SignedProgram
from imgtool.util.text import printable

MAX_SECTION_BYTES = 1 << 20
_FIRMWARE = "the firmware"


@dataclass(frozen=True, slots=True)
class _Verifier:
    """Who verifies the next program, and by what."""

    name: str
    own: Listed = field(default_factory=Listed)
    """shim's own certificates."""
    denied: Listed = field(default_factory=Listed)
    levels: dict[str, int] | None = None
    """The lowest generations; None of firmware, which asks for none."""


def secure_boot_fact(run: BootRun, tree: GuestTree) -> Fact[SecureBoot]:
    """The chain of this run by UEFI; the updates of dbx that the system `tree` brings count."""

    def read() -> Known[SecureBoot]:
        if not isinstance(run.start, Start) or run.start.device is None:
            raise GuestReadError("UEFI starts nothing")
        with guarded("the signatures"):
            dbx, paths = revoked_by(tree)
            programs = tuple(_programs(run.start, run, dbx))
        return Known(SecureBoot(programs, paths), programs[0].path if programs else "")

    return fact_of(read)


def _programs(start: Start, run: BootRun, dbx: Listed) -> Iterator[SignedProgram]:
    """Yield each, until the first that is refused."""
    assert start.device is not None  # noqa: S101 - the caller asks
    files = LoaderFiles(start.device)
    verifier = _Verifier(_FIRMWARE)
    roles: list[tuple[Role, LoaderFile]] = []
    for number, path in enumerate(start.programs):
        found = files.find(path)
        if found is None:
            raise GuestReadError(f"{printable(path)} is not there")
        roles.append(("loader" if number == len(start.programs) - 1 else "shim", found))
    booted = run.booted
    if booted is not None and booted.kernel is not None and start.loader != "unified-image":
        roles.append(("kernel", booted.kernel))
    for role, file in roles:
        program, signed = _verified(role, file, verifier, dbx)
        yield program
        if program.refused or signed is None:
            return
        if role == "shim":
            verifier = _of_shim(signed)


def _verified(
    role: Role, file: LoaderFile, verifier: _Verifier, dbx: Listed
) -> tuple[SignedProgram, SignedFile | None]:
    """One program, and the file where it could be read as one."""
    path = printable(str(file)).lstrip("/")
    try:
        signed = read_signed(file.open(), file.size_bytes)
        signatures = [read_signature(der) for der in signed.signatures]
    except GuestReadError as error:
        return SignedProgram(role, path, "", (), refused=str(error)), None
    if not signatures:
        return SignedProgram(role, path, "", (), refused="it is not signed"), signed
    found = sbat.components(signed.section(".sbat", sbat.MAX_BYTES)) if role != "kernel" else None
    told = [_judged(one, signed, verifier, dbx) for one in signatures]
    digest = signed.digest("sha256")
    refused = _refused(told, digest, verifier, dbx) or _outdated(found, verifier, role)
    program = SignedProgram(role, path, digest.hex(), tuple(told), found or {}, refused)
    return program, signed


def _judged(signature: Signature, signed: SignedFile, verifier: _Verifier, dbx: Listed) -> ProgramSignature:
    """One signature: whether it is true, and to which known certificate it leads."""
    signer = signature.signer.name
    if signature.problem:
        return ProgramSignature(signer, "", problem=signature.problem)
    if signed.digest(signature.algorithm) != signature.digest:
        return ProgramSignature(signer, "", problem="the program was changed after it was signed")
    known = (*signature.certificates, *verifier.own.certificates)
    denied = frozenset(one.key_sha256 for one in (*dbx.certificates, *verifier.denied.certificates))
    if denied and leads_to(signature.signer, (*known, *dbx.certificates), denied):
        return ProgramSignature(signer, "", problem="its signer's certificate is revoked")
    own = {one.key_sha256: one.name for one in verifier.own.certificates}
    found: Certificate | None = leads_to(signature.signer, known, frozenset({*AUTHORITIES, *own}))
    if found is None:
        return ProgramSignature(signer, "")
    authority = AUTHORITIES.get(found.key_sha256)
    if authority is None:
        return ProgramSignature(signer, own[found.key_sha256])
    return ProgramSignature(signer, authority.name, authority.year)


def _refused(told: Sequence[ProgramSignature], digest: bytes, verifier: _Verifier, dbx: Listed) -> str:
    """Why the verifier does not let it start; empty where it does."""
    if digest in dbx.hashes or digest in verifier.denied.hashes:
        return "its hash is revoked"
    if digest not in verifier.own.hashes and not any(one.authority and not one.problem for one in told):
        problems = [one.problem for one in told if one.problem]
        signers = ", ".join(dict.fromkeys(one.signer for one in told))
        return problems[0] if problems else f"{verifier.name} does not know who signed it ({signers})"
    return ""


def _outdated(found: dict[str, int] | None, verifier: _Verifier, role: Role) -> str:
    """Firmware asks for no generations, and kernels have none."""
    if verifier.levels is None or role == "kernel":
        return ""
    if found is None:
        return "it has no SBAT generations, which shim asks for"
    return sbat.too_old(found, verifier.levels)


def _of_shim(shim: SignedFile) -> _Verifier:
    own, denied = vendor_lists(shim.section(".vendor_cert", MAX_SECTION_BYTES) or b"")
    levels = sbat.automatic_level(shim.section(".sbatlevel", sbat.MAX_BYTES))
    return _Verifier("shim", own, denied, levels)
