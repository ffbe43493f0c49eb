"""One signature of an EFI program: whether it is true, and the certificates that lead up from it.

Sources: RFC 2315 (PKCS #7), RFC 8017 (PKCS #1, 8.2.2 and 9.2); Authenticode's SpcIndirectDataContent.
asn1crypto parses the DER, in Python alone. RSA is computed here, as no more than one power is needed: what
verifies with machine code would read hostile bytes with it. EDK2 and shim look at no dates: neither is done
here.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, x509

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.util.text import printable

INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
"""SPC_INDIRECT_DATA_OBJID."""
MAX_CERTIFICATES = 32
MAX_MODULUS_BITS = 8192
MAX_DEPTH = 8
"""Certificates from a signer up to an authority."""
_PREFIXES = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before a hash that is signed: RFC 8017, 9.2, note 1."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate."""

    name: str
    """The common name of whom it is for, or all of it where there is none."""
    issuer: str
    key_sha256: str
    """Of its public key (SubjectPublicKeyInfo), in hex: what a certificate that was renewed keeps."""
    der: bytes

    @property
    def parsed(self) -> Any:
        """The certificate as asn1crypto has it."""
        return x509.Certificate.load(self.der)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one signature says."""

    algorithm: str
    """Of the hash of the file, as hashlib has it."""
    digest: bytes
    """What the file's hash has to be."""
    signer: Certificate
    certificates: tuple[Certificate, ...]
    """All that it brings."""
    problem: str
    """Why it is not true of its own content; empty where it is."""


def read_signature(der: bytes) -> Signature:
    """The signature in `der`. Raises GuestReadError where it is none that can be read."""
    with guarded("its signature"):
        return _read(cms.ContentInfo.load(der))


def read_certificate(der: bytes) -> Certificate:
    """The certificate in `der`. Raises GuestReadError likewise."""
    with guarded("a certificate"):
        return _certificate(x509.Certificate.load(der))


def _read(info: Any) -> Signature:
    if info["content_type"].native != "signed_data":
        raise GuestReadError("its signature is no signed data")
    signed = info["content"]
    content = signed["encap_content_info"]
    if content["content_type"].dotted != INDIRECT_DATA or len(signed["signer_infos"]) != 1:
        raise GuestReadError("its signature is none of a program")
    algorithm, digest, octets = _indirect(content["content"].parsed)
    found = tuple(
        _certificate(one.chosen)
        for one in list(signed["certificates"])[:MAX_CERTIFICATES]
        if one.name == "certificate"
    )
    signer = signed["signer_infos"][0]
    certificate = _signer(signer, found)
    return Signature(algorithm, digest, certificate, found, _problem(signer, certificate, octets))


def _indirect(value: Any) -> tuple[str, bytes, bytes]:
    """Algorithm and hash of the file, and the octets that are signed: the value without tag and length."""
    algorithm, digest = value[1][0][0], value[1][1]
    return _algorithm(algorithm.dotted), digest.native, value.contents


_ALGORITHMS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


_RSA = frozenset(
    bytes.fromhex(f"{head}06092a864886f70d0101{number:02x}{parameters}")
    for number in (1, 5, 11, 12, 13)
    for head, parameters in (("300d", "0500"), ("300b", ""))
)
"""rsaEncryption, and RSA with SHA-1, SHA-256, SHA-384 and SHA-512, in DER: OpenSSL takes nothing else."""


def _algorithm(dotted: str) -> str:
    found = _ALGORITHMS.get(dotted)
    if found is None:
        raise GuestReadError(f"its signature is of a hash that is not known here ({printable(dotted)})")
    return found


def _certificate(found: Any) -> Certificate:
    return Certificate(
        _name(found.subject),
        _name(found.issuer),
        hashlib.sha256(found.public_key.dump()).hexdigest(),
        found.dump(),
    )


def _name(found: Any) -> str:
    native = found.native
    shown = native.get("common_name") or native.get("organization_name") or found.human_friendly
    return printable(str(shown))[:200]


def _signer(signer: Any, certificates: Sequence[Certificate]) -> Certificate:
    identifier = signer["sid"].chosen
    for one in certificates:
        parsed = one.parsed
        if (
            parsed.serial_number == identifier["serial_number"].native
            and parsed.issuer == identifier["issuer"]
        ):
            return one
    raise GuestReadError("its signature does not bring its signer's certificate")


def _problem(signer: Any, certificate: Certificate, octets: bytes) -> str:
    """Why the signature is not true: RFC 2315, 9.3 and 9.4."""
    algorithm = _algorithm(signer["digest_algorithm"]["algorithm"].dotted)
    attributes = signer["signed_attrs"]
    wanted = hashlib.new(algorithm, octets).digest()
    told = next(
        (one["values"][0].native for one in attributes if one["type"].native == "message_digest"), None
    )
    if signer["signature_algorithm"].dump() not in _RSA:
        return "it is not made by RSA"
    if told != wanted:
        return "the hash that it signs is not that of its content"
    message = b"\x31" + attributes.dump()[1:]  # as a SET, whatever tag it stands under
    if not _is_signed(certificate, algorithm, message, signer["signature"].native):
        return f"it is not by the key of {certificate.name}"
    return ""


def leads_to(
    certificate: Certificate, known: Sequence[Certificate], keys: frozenset[str]
) -> Certificate | None:
    """The first of the certificates upwards from this one whose key is one of `keys`; None where none is.

    Each is signed by the next, which is one of `known`. A damaged one leads nowhere.
    """
    try:
        with guarded("its certificates"):
            return next((one for one in _upwards(certificate, known) if one.key_sha256 in keys), None)
    except GuestReadError:
        return None


def _upwards(certificate: Certificate, known: Sequence[Certificate]) -> Iterator[Certificate]:
    current = certificate
    for _ in range(MAX_DEPTH):
        yield current
        parsed = current.parsed
        above = next(
            (
                one
                for one in known
                if one.der != current.der and one.parsed.subject == parsed.issuer and _issued(parsed, one)
            ),
            None,
        )
        if above is None:
            return
        current = above


def _issued(parsed: Any, issuer: Certificate) -> bool:
    algorithm = parsed["signature_algorithm"]
    if algorithm.signature_algo != "rsassa_pkcs1v15":
        return False
    message = parsed["tbs_certificate"].dump()
    return _is_signed(issuer, algorithm.hash_algo, message, parsed["signature_value"].native)


def _is_signed(certificate: Certificate, algorithm: str, message: bytes, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5: the power of the signature is the padded hash of the message, and nothing else."""
    key = certificate.parsed.public_key
    if str(key.algorithm) != "rsa" or algorithm not in _PREFIXES:
        return False
    numbers = key["public_key"].parsed
    modulus, exponent = numbers["modulus"].native, numbers["public_exponent"].native
    if not 512 <= modulus.bit_length() <= MAX_MODULUS_BITS or not 2 < exponent < 1 << 32:
        return False
    length = (modulus.bit_length() + 7) // 8
    if len(signature) != length:
        return False
    ending = _PREFIXES[algorithm] + hashlib.new(algorithm, message).digest()
    padded = b"\x00\x01" + b"\xff" * (length - len(ending) - 3) + b"\x00" + ending
    power: int = pow(int.from_bytes(signature, "big"), exponent, modulus)
    return power == int.from_bytes(padded, "big")
