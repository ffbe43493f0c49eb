"""A real Debian image with Debian's signed shim and GRUB put on it: the chain, and what breaks it.

IMGTOOL_SECURE_BOOTS=all boots three good images instead of one, besides the three bad ones.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.real_guest import RealGuest, real_guest, run
from support.signed_boot import GRUB, SHIM, debian_authority, debian_file, own_key, sbverify, sign

CHAIN = "search --fs-uuid --set=root {uuid}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
"""What Debian's GRUB reads of /EFI/debian, where it is built to look."""


def prepare(guest: RealGuest) -> None:
    """shim where firmware looks, GRUB beside it, and its configuration where it looks itself."""
    uuid = run("findmnt", "--noheadings", "--output", "UUID", guest.root.top).strip()
    guest.esp.put("EFI/BOOT/BOOTX64.EFI", debian_file(SHIM).read_bytes())
    guest.esp.put("EFI/BOOT/grubx64.efi", debian_file(GRUB).read_bytes())
    guest.esp.put("EFI/debian/grub.cfg", CHAIN.format(uuid=uuid))


@pytest.fixture(scope="module")
def guest(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGuest]:
    with real_guest(debian_image, tmp_path_factory.mktemp("guest")) as opened:
        yield opened


@pytest.fixture
def signed(guest: RealGuest) -> Iterator[RealGuest]:
    """The image as it should be; changes are undone."""
    prepare(guest)
    yield guest
    guest.undo()


def inspected(guest: RealGuest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chain, and the finding of the check."""
    guest.write_esp()
    run("mount", "-o", "remount,ro", guest.root.top)
    try:
        shown = json.loads(imgtool("inspect", guest.image, "--output", "json").stdout)
        checked = json.loads(imgtool("check", guest.image, "--output", "json").stdout)
    finally:
        run("mount", "-o", "remount,rw", guest.root.top)
    (finding,) = [one for one in checked["results"][0]["findings"] if one["check"] == "secure-boot"]
    return shown["guest"]["secure_boot"], finding


def test_an_image_without_signatures_is_not_judged(guest: RealGuest) -> None:
    chain, finding = inspected(guest)
    assert (chain["signed"], chain["holds"]) == (False, False)
    assert finding["outcome"] == "skipped"


def test_the_chain_of_debians_signed_packages_holds(signed: RealGuest, tmp_path: Path) -> None:
    chain, finding = inspected(signed)
    kernel = signed.root / f"boot/vmlinuz-{signed.kernel}"
    assert sbverify(kernel, debian_authority(), tmp_path)
    assert [one["role"] for one in chain["programs"]] == ["shim", "loader", "kernel"]
    assert (chain["holds"], chain["years"]) == (True, [2011, 2023])
    authorities = [[sign["authority"] for sign in one["signatures"]] for one in chain["programs"]]
    assert authorities[0] == ["Microsoft Corporation UEFI CA 2011", "Microsoft UEFI CA 2023"]
    assert authorities[1:] == [["Debian Secure Boot CA"]] * 2
    assert chain["programs"][1]["sbat"]["grub"] >= 5
    assert finding["outcome"] == "pass"
    assert finding["message"] == "starts with Secure Boot, by Microsoft's certificate of 2011 and 2023"


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def unsigned_grub(guest: RealGuest, folder: Path) -> None:
    bare = folder / "bare.efi"
    run("sbattach", "--remove", copied(debian_file(GRUB), bare))
    guest.esp.put("EFI/BOOT/grubx64.efi", bare.read_bytes())


def copied(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


def changed_kernel(guest: RealGuest, _folder: Path) -> None:
    path = f"boot/vmlinuz-{guest.kernel}"
    guest.root.put(path, flipped((guest.root / path).read_bytes(), 1 << 20))


def kernel_of_a_stranger(guest: RealGuest, folder: Path) -> None:
    path = f"boot/vmlinuz-{guest.kernel}"
    bare = copied(guest.root / path, folder / "bare")
    run("sbattach", "--remove", bare)
    guest.root.put(path, sign(bare, folder / "signed", *own_key(folder, "stranger")).read_bytes())


def shim_of_a_stranger(guest: RealGuest, folder: Path) -> None:
    bare = copied(debian_file(SHIM), folder / "shim.efi")
    for _ in range(2):
        run("sbattach", "--remove", bare)
    signed = sign(bare, folder / "signed.efi", *own_key(folder, "stranger"))
    guest.esp.put("EFI/BOOT/BOOTX64.EFI", signed.read_bytes())


def changed_shim(guest: RealGuest, _folder: Path) -> None:
    guest.esp.put("EFI/BOOT/BOOTX64.EFI", flipped(debian_file(SHIM).read_bytes(), 0x21100))


def revoked_grub(guest: RealGuest, folder: Path) -> None:
    """The image's own update of dbx lists GRUB's hash, which `imgtool inspect` tells."""
    (grub,) = [one for one in inspected(guest)[0]["programs"] if one["role"] == "loader"]
    hashes, target = folder / "hashes", folder / "dbx.esl"
    hashes.write_bytes(bytes.fromhex(grub["sha256"]))
    owner = ("--owner", "6f0a2d0b-3a5c-5e0f-9d8c-0d7c2a1f4b6e")
    run("sbsiglist", *owner, "--type", "sha256", "--output", target, hashes)
    guest.root.put("usr/share/fwupd/dbx/update.esl", target.read_bytes())


BAD: dict[str, tuple[Callable[[RealGuest, Path], None], int, str]] = {
    "an unsigned GRUB": (unsigned_grub, 1, "it is not signed"),
    "a kernel with a flipped byte": (changed_kernel, 2, "the program was changed after it was signed"),
    "a kernel of a stranger": (kernel_of_a_stranger, 2, "shim does not know who signed it (stranger)"),
    "a shim of a stranger": (shim_of_a_stranger, 0, "the firmware does not know who signed it (stranger)"),
    "a shim with a flipped byte": (changed_shim, 0, "the program was changed after it was signed"),
    "a GRUB that is revoked": (revoked_grub, 1, "its hash is revoked"),
}
"""What breaks the chain, which program is refused, and why."""


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_the_chain_is_named(name: str, signed: RealGuest, tmp_path: Path) -> None:
    spoil, position, reason = BAD[name]
    spoil(signed, tmp_path)
    chain, finding = inspected(signed)
    assert chain["holds"] is False
    assert len(chain["programs"]) == position + 1
    assert chain["programs"][position]["refused"] == reason
    assert (finding["outcome"], finding["severity"]) == ("fail", "info")
    assert finding["message"].startswith("Secure Boot stops at ")
    assert finding["message"].endswith(reason)


def test_a_policy_may_require_it(debian_image: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("checks: {secure-boot: {severity: error, required: true}}\n")
    run_ = imgtool("check", debian_image, "--policy", policy, "--output", "json")
    assert run_.returncode == 1
    (result,) = json.loads(run_.stdout)["results"]
    failed = [
        one["check"] for one in result["findings"] if one["outcome"] == "fail" and one["severity"] == "error"
    ]
    assert failed == ["secure-boot"]


BOOTED: dict[str, tuple[Callable[[RealGuest, Path], None], str]] = {
    "an unsigned GRUB": (unsigned_grub, "shim refuses the boot loader"),
    "a kernel with a flipped byte": (changed_kernel, "GRUB does not start the kernel"),
    "a shim of a stranger": (shim_of_a_stranger, "Secure Boot refuses the image's loader"),
}
"""What a real firmware, shim and GRUB say of it."""


@pytest.mark.parametrize("name", BOOTED)
def test_a_boot_with_secure_boot_stops_where_the_chain_does(
    name: str, signed: RealGuest, tmp_path: Path
) -> None:
    spoil, cause = BOOTED[name]
    spoil(signed, tmp_path)
    boot, status = booted(signed, 300)
    assert (status, boot["answered"]) == (1, False)
    assert cause in boot["diagnosis"]["cause"]
    assert boot["differences"] == []


GOOD = ["debian_image", "debian_trixie", "debian_dracut"]
"""Two releases, two makers of the initramfs. Each run of the tests boots the first."""
WANTED = GOOD if os.environ.get("IMGTOOL_SECURE_BOOTS") == "all" else GOOD[:1]


@pytest.mark.parametrize("name", WANTED)
def test_a_boot_with_secure_boot_comes_up_where_the_chain_holds(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with real_guest(request.getfixturevalue(name), tmp_path) as guest:
        prepare(guest)
        chain, finding = inspected(guest)
        assert (chain["holds"], finding["outcome"]) == (True, "pass")
        boot, status = booted(guest, 900)
        assert (status, boot["answered"], boot["differences"]) == (0, True, [])


def booted(guest: RealGuest, seconds: int) -> tuple[dict[str, Any], int]:
    guest.write_esp()
    run("mount", "-o", "remount,ro", guest.root.top)
    options = ("--secure-boot", "--timeout", str(seconds), "--output", "json")
    try:
        done = imgtool("boot", guest.image, *options, timeout=2 * seconds)
    finally:
        run("mount", "-o", "remount,rw", guest.root.top)
    (boot,) = json.loads(done.stdout)["boots"]
    return boot, done.returncode
