"""What `imgtool inspect` prints of Secure Boot."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from imgtool.model.secure_boot import Role


class ProgramSignature(TypedDict):
    """One signature; null where it leads to no certificate that is known, or where it is true."""

    signer: str
    authority: str | None
    year: int | None
    problem: str | None


class SignedProgram(TypedDict):
    """A program of the boot, and why the one before does not let it start, or null."""

    role: Role
    path: str
    sha256: str | None
    signatures: list[ProgramSignature]
    sbat: Mapping[str, int]
    refused: str | None


class SecureBoot(TypedDict):
    """The chain, as firmware with Microsoft's certificates follows it."""

    signed: bool
    holds: bool
    years: list[int]
    dbx: str | None
    programs: list[SignedProgram]
