"""What Secure Boot makes of the disk: who signed each program, and whether the one before it takes that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["shim", "loader", "kernel"]


@dataclass(frozen=True, slots=True)
class ProgramSignature:
    """One signature of a program."""

    signer: str
    """Whose certificate it is."""
    authority: str
    """The certificate that the verifier knows, to which the signer's leads; empty where it leads to none."""
    year: int | None = None
    """Of Microsoft's certificate: 2011 or 2023; None of any other."""
    problem: str = ""
    """Why it is not true; empty where it is."""


@dataclass(frozen=True, slots=True)
class SignedProgram:
    """One program of the boot."""

    role: Role
    path: str
    """As the loader before it names it, and the volume."""
    sha256: str
    """Of the file without its signatures, in hex, as dbx lists it; empty where it could not be hashed."""
    signatures: tuple[ProgramSignature, ...]
    sbat: Mapping[str, int] = field(default_factory=dict)
    """Generation of each component; none where it has no such section."""
    refused: str = ""
    """Why the one before it does not let it start; empty where it does."""


@dataclass(frozen=True, slots=True)
class SecureBoot:
    """The chain, as firmware with Microsoft's certificates and a new instance's variables follows it."""

    programs: tuple[SignedProgram, ...]
    """In the order in which they start, until the first that is refused."""
    dbx: str = ""
    """Paths of the updates of dbx in the image that were taken into account; empty where there are none."""

    @property
    def signed(self) -> bool:
        """The first program has a signature: the image is made for Secure Boot."""
        return bool(self.programs and self.programs[0].signatures)

    @property
    def holds(self) -> bool:
        """Each program may start, as far as a kernel or Windows."""
        return bool(self.programs) and not any(one.refused for one in self.programs)

    @property
    def years(self) -> tuple[int, ...]:
        """The years of Microsoft's certificates by which the first program starts."""
        first = self.programs[0].signatures if self.programs else ()
        return tuple(sorted({one.year for one in first if one.year is not None and not one.problem}))
