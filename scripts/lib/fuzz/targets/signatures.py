"""Signatures of EFI programs: the PE file, its PKCS #7, its certificates, its generations and lists."""

import io
from functools import cache

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.secure_boot import sbat
from imgtool.guest.secure_boot.authenticode import read_signed
from imgtool.guest.secure_boot.lists import vendor_lists
from imgtool.guest.secure_boot.pkcs7 import leads_to, read_signature

_MAX_BYTES = 1 << 20


@cache
def _seeds() -> list[Seed]:
    content, start, key = seeds.signed_program()
    return [
        Seed("signed", content, places=((0, 1024), (start, len(content) - start)), tokens=(key.encode(),))
    ]


def _run(mutant: Mutant) -> str:
    """A changed program is never taken for the signed one."""
    content, _, key = seeds.signed_program()
    signed = read_signed(io.BytesIO(mutant.content), len(mutant.content))
    vendor_lists(signed.section(".vendor_cert", _MAX_BYTES) or b"")
    sbat.components(signed.section(".sbat", _MAX_BYTES))
    sbat.automatic_level(signed.section(".sbatlevel", _MAX_BYTES))
    said = []
    for der in signed.signatures:
        one = read_signature(der)
        is_true = not one.problem and signed.digest(one.algorithm) == one.digest
        trusted = is_true and leads_to(one.signer, one.certificates, frozenset({key})) is not None
        original = read_signed(io.BytesIO(content), len(content))
        if trusted and signed.digest("sha256") != original.digest("sha256"):
            raise AssertionError("a changed program passes for the one that was signed")
        said.append(f"{is_true} {trusted}")
    return ", ".join(said)


TARGETS = (Target("signatures", _seeds, _run, (GuestReadError,), share=100),)
