"""Signatures of Debian's programs and of our own, compared with sbverify on whole and on spoilt files."""

import io
import random
import re
import struct
import subprocess
import time
from importlib.resources import files
from pathlib import Path

import pytest
from asn1crypto import pem
from hypothesis import given, settings
from hypothesis import strategies as st
from support.guest_tree import guest_tree
from support.signed_boot import (
    FALLBACK,
    GRUB,
    MOK_MANAGER,
    SHIM,
    UNSIGNED,
    authority,
    debian_authority,
    debian_file,
    openssl_leads_to,
    own_key,
    sbverify,
    sign,
)

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.secure_boot import sbat
from imgtool.guest.secure_boot.authenticode import read_signed
from imgtool.guest.secure_boot.authorities import AUTHORITIES
from imgtool.guest.secure_boot.lists import read_lists, revoked_by
from imgtool.guest.secure_boot.pkcs7 import (
    Certificate,
    Signature,
    leads_to,
    read_certificate,
    read_signature,
)

CA_2011, CA_2023 = "Microsoft Corporation UEFI CA 2011", "Microsoft UEFI CA 2023"


def true_signatures(content: bytes) -> list[Signature]:
    """Those of the program that are true, whoever made them."""
    try:
        signed = read_signed(io.BytesIO(content), len(content))
        found = [read_signature(der) for der in signed.signatures]
    except GuestReadError:
        return []
    return [one for one in found if not one.problem and signed.digest(one.algorithm) == one.digest]


def is_true(content: bytes, known: Certificate) -> bool:
    """Whether one of them leads to this certificate."""
    keys = frozenset({known.key_sha256})
    return any(leads_to(one.signer, (*one.certificates, known), keys) for one in true_signatures(content))


CASES = {
    "shim by 2011": (SHIM, lambda: authority(CA_2011)),
    "shim by 2023": (SHIM, lambda: authority(CA_2023)),
    "shim by Debian": (SHIM, debian_authority),
    "fallback": (FALLBACK, debian_authority),
    "MOK manager": (MOK_MANAGER, debian_authority),
    "GRUB": (GRUB, debian_authority),
    "GRUB by Microsoft": (GRUB, lambda: authority(CA_2011)),
    "unsigned": (UNSIGNED, debian_authority),
}
HOLD = {"shim by 2011", "shim by 2023", "fallback", "MOK manager", "GRUB"}


@pytest.mark.parametrize("case", CASES)
def test_of_debians_programs_we_say_what_sbverify_and_openssl_say(case: str, tmp_path: Path) -> None:
    path, find = CASES[case]
    program, known = debian_file(path), find()
    content = program.read_bytes()
    found = true_signatures(content)
    assert bool(found) is (path != UNSIGNED)
    if case in HOLD or not found:
        assert sbverify(program, known, tmp_path) is bool(found)
    for one in found:
        ours = leads_to(one.signer, (*one.certificates, known), frozenset({known.key_sha256})) is not None
        assert ours is openssl_leads_to(one.signer, one.certificates, known, tmp_path)
    assert is_true(content, known) is (case in HOLD)


@pytest.mark.parametrize("case", ["shim by 2011", "fallback", "GRUB"])
def test_of_a_program_with_a_flipped_byte_too(case: str, tmp_path: Path) -> None:
    """Anywhere: in the headers, in a section, behind them, in the signature."""
    path, find = CASES[case]
    whole, known = debian_file(path).read_bytes(), find()
    dice, spoilt = random.Random(case), tmp_path / "spoilt.efi"
    near_the_end = [len(whole) - dice.randrange(1, 1400) for _ in range(12)]
    places = [*near_the_end, *(dice.randrange(0x400, len(whole)) for _ in range(12)), 0x150, 0x3F0]
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << dice.randrange(8)
        spoilt.write_bytes(content)
        # of two signatures sbverify takes either
        ours = any(is_true(bytes(content), one) for one in (known, authority(CA_2023)))
        theirs = sbverify(spoilt, known, tmp_path)
        assert ours is theirs, hex(place)


def test_of_our_own_signature_and_of_two(tmp_path: Path) -> None:
    key, certificate = own_key(tmp_path)
    known = read_certificate(pem.unarmor(certificate.read_bytes())[2])
    once = sign(debian_file(UNSIGNED), tmp_path / "once.efi", key, certificate)
    twice = sign(debian_file(FALLBACK), tmp_path / "twice.efi", key, certificate)
    for program in (once, twice):
        assert is_true(program.read_bytes(), known)
        assert sbverify(program, known, tmp_path)
        assert len(true_signatures(program.read_bytes())) == (1 if program is once else 2)
    assert is_true(twice.read_bytes(), debian_authority())
    stranger = read_certificate(pem.unarmor(own_key(tmp_path, "stranger")[1].read_bytes())[2])
    assert not is_true(once.read_bytes(), stranger)
    (one,) = true_signatures(once.read_bytes())
    assert not openssl_leads_to(one.signer, one.certificates, stranger, tmp_path)


def test_microsoft_s_certificates_are_those_that_firmware_gets() -> None:
    """All of `db`, of 2011 and 2023; those for keys of the firmware's own (KEK, PK) start nothing."""
    folder = Path(str(files("virt") / "firmware/certs/microsoft.com"))
    given = [read_certificate(pem.unarmor(path.read_bytes())[2]) for path in folder.glob("*.pem")]
    named = {one.key_sha256: one.name for one in given if not re.search(r"\b(KEK|PK)\b", one.name)}
    assert {key: one.name for key, one in AUTHORITIES.items()} == named
    assert all(f"{one.year}" in one.name for one in AUTHORITIES.values())


def test_a_name_alone_is_no_authority(tmp_path: Path) -> None:
    """Anybody can make a certificate that is called as Microsoft's is."""
    key, certificate = own_key(tmp_path, CA_2011)
    program = sign(debian_file(UNSIGNED), tmp_path / "forged.efi", key, certificate)
    with program.open("rb") as stream:
        (der,) = read_signed(stream, program.stat().st_size).signatures
    found = read_signature(der)
    assert found.signer.name == CA_2011
    assert leads_to(found.signer, found.certificates, frozenset(AUTHORITIES)) is None


def test_what_is_appended_is_hashed_and_what_is_cut_off_is_damaged(tmp_path: Path) -> None:
    key, certificate = own_key(tmp_path)
    known = read_certificate(pem.unarmor(certificate.read_bytes())[2])
    longer = tmp_path / "longer.efi"
    longer.write_bytes(debian_file(UNSIGNED).read_bytes() + b"more than the sections say" + bytes(6))
    signed = sign(longer, tmp_path / "signed.efi", key, certificate)
    assert is_true(signed.read_bytes(), known)
    content = debian_file(GRUB).read_bytes()
    for size in (0, 1, 63, 64, 200, 500, 5000, len(content) // 2, len(content) - 10):
        assert not is_true(content[:size], debian_authority())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_ends_in_a_reason_and_in_time(data: st.DataObject) -> None:
    content = bytearray(debian_file(FALLBACK).read_bytes())
    table = len(content) - 1500
    for _ in range(data.draw(st.integers(1, 30))):
        place = data.draw(st.one_of(st.integers(0, 0x400), st.integers(table, len(content) - 1)))
        content[place] = data.draw(st.sampled_from((0, 1, 0x30, 0x80, 0x82, 0x84, 0xFF)))
    began = time.process_time()
    is_true(bytes(content), debian_authority())
    assert time.process_time() - began < 2


def test_the_lists_that_sbsiglist_makes(tmp_path: Path) -> None:
    owner = ("--owner", "6f0a2d0b-3a5c-5e0f-9d8c-0d7c2a1f4b6e")
    hashes, target = tmp_path / "hashes", tmp_path / "hashes.esl"
    hashes.write_bytes(bytes(range(32)))
    subprocess.run(["sbsiglist", *owner, "--type", "sha256", "--output", target, hashes], check=True)
    key, certificate = own_key(tmp_path)
    der = tmp_path / "own.der"
    der.write_bytes(pem.unarmor(certificate.read_bytes())[2])
    listed = tmp_path / "own.esl"
    subprocess.run(["sbsiglist", *owner, "--type", "x509", "--output", listed, der], check=True)
    found = read_lists(target.read_bytes() + listed.read_bytes())
    assert found.hashes == {bytes(range(32))}
    assert [one.name for one in found.certificates] == ["own"]
    update = tmp_path / "dbx.auth"
    options = ("--key", key, "--cert", certificate, "--output", update)
    subprocess.run(["sbvarsign", *options, "dbx", target], check=True, capture_output=True)
    tree = guest_tree({"/usr/share/secureboot/updates/dbx/dbxupdate_x64.bin": _without_attributes(update)})
    revoked, paths = revoked_by(tree)
    assert revoked.hashes == {bytes(range(32))}
    assert paths.endswith("dbxupdate_x64.bin")


def _without_attributes(update: Path) -> bytes:
    """sbvarsign puts the attributes of the variable in front, as efivarfs wants it."""
    content = update.read_bytes()
    return content[4:] if struct.unpack_from("<H", content, 4 + 16 + 6)[0] == 0x0EF1 else content


@pytest.mark.parametrize("content", [b"x" * 28, struct.pack("<16sIII", b"", 5, 0, 48), b"\xff" * 100])
def test_a_damaged_list_is_unknown(content: bytes) -> None:
    with pytest.raises(GuestReadError, match="damaged"):
        read_lists(content)


def test_generations() -> None:
    content = debian_file(SHIM).read_bytes()
    signed = read_signed(io.BytesIO(content), len(content))
    level = sbat.automatic_level(signed.section(".sbatlevel", sbat.MAX_BYTES))
    assert level["shim"] >= 4
    assert level["grub"] >= 5
    own = sbat.components(signed.section(".sbat", sbat.MAX_BYTES))
    assert own is not None
    assert own["shim"] >= level["shim"]
    assert (
        sbat.too_old({"grub": 1}, level)
        == f"grub is of generation 1, and shim takes {level['grub']} and later"
    )
    assert sbat.too_old(own, level) == ""
    assert sbat.components(None) is None
    assert sbat.components(b"grub,x\n,1\nsbat,1\n\xff,2") == {"sbat": 1, "\ufffd": 2}
