"""Lists of certificates and hashes: what shim has inside, and the updates of dbx that a system brings.

Sources: UEFI specification 32.4.1 (EFI_SIGNATURE_LIST) and 8.2.1 (EFI_VARIABLE_AUTHENTICATION_2); shim,
include/shim.h (cert_table).
"""

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.secure_boot.pkcs7 import Certificate, read_certificate
from imgtool.guest.tree import GuestTree

X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
HEAD_BYTES = 28
OWNER_BYTES = 16
MAX_LISTS = 1000
MAX_ENTRIES = 20_000
MAX_UPDATE_BYTES = 4 << 20
"""Microsoft's dbx has 24 KiB."""
UPDATES = (
    ("/usr/share/secureboot/updates/dbx", (".bin",)),
    ("/usr/share/dbxtool", (".bin",)),
    ("/usr/share/fwupd/dbx", (".bin", ".esl")),
)
"""Where Ubuntu's secureboot-db, Fedora's dbxtool and others keep what they put into the firmware."""
TIME_BYTES = 16
PKCS7_TYPE = 0x0EF1
"""WIN_CERT_TYPE_EFI_GUID."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What lists name."""

    certificates: tuple[Certificate, ...] = ()
    hashes: frozenset[bytes] = frozenset()
    """SHA-256 of programs, without their signatures."""


def read_lists(content: bytes) -> Listed:
    """One EFI_SIGNATURE_LIST after the other. Raises GuestReadError where they are damaged."""
    certificates: list[Certificate] = []
    hashes: set[bytes] = set()
    for kind, entry in _entries(content):
        if kind == X509:
            certificates.append(read_certificate(entry))
        elif kind == SHA256 and len(entry) == 32:
            hashes.add(entry)
    return Listed(tuple(certificates), frozenset(hashes))


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = count = 0
    for _ in range(MAX_LISTS):
        if offset + HEAD_BYTES > len(content):
            return
        list_bytes, head_bytes, entry_bytes = struct.unpack_from("<III", content, offset + 16)
        end = offset + list_bytes
        place = offset + HEAD_BYTES + head_bytes
        if list_bytes < HEAD_BYTES or end > len(content) or entry_bytes <= OWNER_BYTES:
            raise GuestReadError("a list of signatures is damaged")
        while place + entry_bytes <= end:
            count += 1
            if count > MAX_ENTRIES:
                raise GuestReadError(f"a list of more than {MAX_ENTRIES} signatures")
            yield content[offset : offset + 16], content[place + OWNER_BYTES : place + entry_bytes]
            place += entry_bytes
        offset = end


def vendor_lists(section: bytes) -> tuple[Listed, Listed]:
    """What shim's section `.vendor_cert` allows, and what it forbids: a certificate or lists, and lists."""
    if len(section) < 16:
        return Listed(), Listed()
    allowed_bytes, denied_bytes, allowed_at, denied_at = struct.unpack_from("<IIII", section)
    allowed = section[allowed_at : allowed_at + allowed_bytes]
    denied = section[denied_at : denied_at + denied_bytes]
    if len(allowed) != allowed_bytes or len(denied) != denied_bytes:
        raise GuestReadError("the certificate inside shim is cut off")
    own = Listed((read_certificate(allowed),)) if allowed[:1] == b"\x30" else read_lists(allowed)
    return own, read_lists(denied)


def revoked_by(tree: GuestTree) -> tuple[Listed, str]:
    """All that the system's updates of dbx forbid, and the paths of their files; empty where it has none."""
    certificates: list[Certificate] = []
    hashes: set[bytes] = set()
    paths = []
    for directory, endings in UPDATES:
        for name in tree.names(directory):
            path = f"{directory}/{name}"
            if name.endswith(endings) and tree.is_file(path):
                found = read_lists(_without_signature(tree.read_bytes(path, MAX_UPDATE_BYTES) or b""))
                certificates += found.certificates
                hashes |= found.hashes
                paths.append(path)
    return Listed(tuple(certificates), frozenset(hashes)), ", ".join(paths)


def _without_signature(content: bytes) -> bytes:
    """An update begins with a time and with who signed it; a plain list does not."""
    if len(content) < TIME_BYTES + 8:
        return content
    length, _, kind = struct.unpack_from("<IHH", content, TIME_BYTES)
    return content[TIME_BYTES + length :] if kind == PKCS7_TYPE else content
