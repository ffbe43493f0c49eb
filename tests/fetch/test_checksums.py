"""Lists of hashes as distributions publish them, and what is not clear in them."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.web import Site

from imgtool.errors import FetchError, UsageError
from imgtool.fetch import checksums
from imgtool.fetch.checksums import parse_list

ONE, TWO = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
LONG = hashlib.sha512(b"1").hexdigest()
NAME = "Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2"

FEDORA = f"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# {NAME}: 583532544 bytes
SHA256 ({NAME}) = {ONE}
- - a line that was dash-escaped
# other: 1 bytes
SHA256 (other.raw.xz) = {TWO}
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCAAdFiEEsO3
-----END PGP SIGNATURE-----
SHA256 ({NAME}) = {"0" * 64}
"""

LISTS = {
    "Debian's SHA512SUMS": (f"{LONG}  {NAME}\n{'1' * 128}  other.json\n", {"sha512": LONG}),
    "Ubuntu's SHA256SUMS": (f"{TWO} *other.img\n{ONE} *{NAME}\n", {"sha256": ONE}),
    "Fedora's CHECKSUM": (FEDORA, {"sha256": ONE}),
    "Rocky's CHECKSUM": (f"# {NAME}: 1 bytes\nSHA256 ({NAME}) = {ONE.upper()}\r\n", {"sha256": ONE}),
    "a sidecar file": (f"{ONE}  {NAME}\n", {"sha256": ONE}),
    "a hash alone": (f"{LONG}\n", {"sha512": LONG}),
    "in a folder": (f"{ONE}  ./images/{NAME}\n", {"sha256": ONE}),
    "that very name first": (f"{TWO}  old/{NAME}\n{ONE}  {NAME}\n", {"sha256": ONE}),
    "both": (f"{ONE}  {NAME}\n{LONG}  {NAME}\n{'a' * 32}  {NAME}\n", {"sha256": ONE, "sha512": LONG}),
    "openssl dgst": (f"SHA256({NAME})= {ONE}\n", {"sha256": ONE}),
    "said twice": (f"{ONE}  {NAME}\n{ONE} *{NAME}\n", {"sha256": ONE}),
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_as_they_are_published(kind: str) -> None:
    text, expected = LISTS[kind]
    assert parse_list(text, "SUMS").hashes_of(NAME) == expected


UNCLEAR = {
    "no line": (f"{ONE}  other.qcow2\n", f"SUMS: has no line for {NAME}"),
    "nothing at all": ("<html>Not what you want</html>", "has no line for"),
    "two different": (f"{ONE}  {NAME}\n{TWO}  {NAME}\n", "has 2 different sha256 hashes for"),
    "md5 only": (f"{'a' * 32}  {NAME}\n", "has only md5 for"),
    "another algorithm": (f"BLAKE2b ({NAME}) = {LONG}\n", "has only blake2b for"),
    "only outside the signature": (FEDORA.replace(f"SHA256 ({NAME}) = {ONE}\n", ""), "has no line for"),
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_what_is_not_clear_is_refused(kind: str) -> None:
    text, message = UNCLEAR[kind]
    with pytest.raises(UsageError) as caught:
        parse_list(text, "SUMS").hashes_of(NAME)
    assert message in caught.value.message


def test_a_name_that_was_escaped() -> None:
    assert parse_list(f"\\{ONE}  a\\\\b\\nc.raw\n", "SUMS").hashes_of("a\\b\nc.raw") == {"sha256": ONE}


@given(st.text(), st.text(min_size=1))
def test_any_text_is_a_list_or_refused(text: str, name: str) -> None:
    try:
        found = parse_list(f"{text}\n{ONE}  {name}", "SUMS").hashes_of(name)
    except UsageError:
        return
    assert set(found) <= {"sha256", "sha512"}


def test_one_hash_by_itself() -> None:
    assert checksums.parse_one(f"sha256:{ONE.upper()}") == ("sha256", ONE)
    assert checksums.parse_one(f"SHA-512:{LONG}") == ("sha512", LONG)
    for wrong in (ONE, "md5:" + "a" * 32, f"sha256:{LONG}", "sha256:", ""):
        with pytest.raises(UsageError):
            checksums.parse_one(wrong)


def test_two_that_contradict_each_other() -> None:
    assert checksums.merged("x", {"sha256": ONE}, {"sha512": LONG}) == {"sha256": ONE, "sha512": LONG}
    with pytest.raises(UsageError, match="two different sha256 hashes"):
        checksums.merged("x", {"sha256": ONE}, {"sha256": TWO})


def test_from_a_file_or_the_web(site: Site, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{ONE}  {NAME}\n")
    url = site.put("/SHA512SUMS", f"{LONG}  {NAME}\n")
    assert checksums.read_list("SHA256SUMS", tmp_path).hashes_of(NAME) == {"sha256": ONE}
    assert checksums.read_list(url, tmp_path).hashes_of(NAME) == {"sha512": LONG}
    with pytest.raises(UsageError, match="missing: cannot be read: No such file"):
        checksums.read_list("missing", tmp_path)
    with pytest.raises(FetchError, match="the server answers 404"):
        checksums.read_list(f"{site.url}/missing?key=secret", tmp_path)


def test_what_is_no_list_but_an_image_is_not_read_whole(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "MAX_LIST_BYTES", 1000)
    (tmp_path / "disk.raw").write_bytes(bytes(2000))
    with pytest.raises(UsageError, match="is larger than"):
        checksums.read_list("disk.raw", tmp_path)
    with pytest.raises(FetchError, match="is larger than"):
        checksums.read_list(site.put("/disk.raw", bytes(2000)), tmp_path)
