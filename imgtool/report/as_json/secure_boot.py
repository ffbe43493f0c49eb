"""The chain of Secure Boot as JSON: the key `secure_boot` of a guest."""

from typing import TYPE_CHECKING

from imgtool.model.secure_boot import ProgramSignature, SecureBoot, SignedProgram
from imgtool.report.as_json.values import clean

if TYPE_CHECKING:
    from imgtool.report.documents import secure_boot as documents


def secure_boot(found: SecureBoot) -> "documents.SecureBoot":
    """Return it; the programs in the order in which they start."""
    return {
        "signed": found.signed,
        "holds": found.holds,
        "years": list(found.years),
        "dbx": clean(found.dbx) or None,
        "programs": [_program(one) for one in found.programs],
    }


def _program(one: SignedProgram) -> "documents.SignedProgram":
    return {
        "role": one.role,
        "path": clean(one.path),
        "sha256": one.sha256 or None,
        "signatures": [_signature(signature) for signature in one.signatures],
        "sbat": {clean(name): generation for name, generation in one.sbat.items()},
        "refused": clean(one.refused) or None,
    }


def _signature(one: ProgramSignature) -> "documents.ProgramSignature":
    return {
        "signer": clean(one.signer),
        "authority": clean(one.authority) or None,
        "year": one.year,
        "problem": clean(one.problem) or None,
    }
