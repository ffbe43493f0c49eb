"""The certificates by which firmware lets a program start: those that makers put into `db` for Microsoft.

They are known by the SHA-256 of their public keys, as the certificates in OVMF_VARS_4M.ms.fd of ovmf have
them, the signatures of Debian's shim 16.1, and virt-firmware, which keeps all of them. Microsoft, "Windows
Secure Boot Key Creation and Management Guidance": the certificates of 2011 end in 2026, and firmware made
since has those of 2023.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Authority:
    """One certificate of `db`."""

    name: str
    year: int
    for_windows: bool = False
    """It signs Windows' own boot manager, and nobody else's."""


AUTHORITIES: Mapping[str, Authority] = MappingProxyType(
    {
        "2c627ccbb690409550ad6e2d46a03eb10aa6d62d272a5dc3c86a8863ae19b2bb": Authority(
            "Microsoft Corporation UEFI CA 2011", 2011
        ),
        "f0f6d23f74457473749a72d5aa55b9efe491dd0bc3068905b019940abe8b5cc3": Authority(
            "Microsoft UEFI CA 2023", 2023
        ),
        "96fcf444012a77ea14f34f349c469c85e2749fce709e0bcdf2e5eab431cdccae": Authority(
            "Microsoft Windows Production PCA 2011", 2011, for_windows=True
        ),
        "b45bbdd94c9bf231bb8d9dbf47f6dc917fe7ebea7ef95aeede218d7e9d395f9a": Authority(
            "Windows UEFI CA 2023", 2023, for_windows=True
        ),
        "70b05022adf8de3061983894f3be9140205f84aaa49a860734337a45d9d93d4a": Authority(
            "Microsoft Option ROM UEFI CA 2023", 2023
        ),
    }
)
"""SHA-256 of the public key, in hex, to whose it is."""
