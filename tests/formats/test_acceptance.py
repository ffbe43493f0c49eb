"""What OpenStack cannot use in one format is refused for that format, and for no other."""

import json
import struct
import subprocess
from pathlib import Path

import pytest
from support.images import convert, create
from support.in_process import imgtool_here

from imgtool.formats import admit
from imgtool.formats.acceptance import refusal

PROTECTIVE, LINUX, NTFS = 0xEE, 0x83, 0x07
MIB = 1 << 20


def entry(kind: int = PROTECTIVE, flag: int = 0, head: int = 0, sector: int = 2, first: int = 1) -> bytes:
    return struct.pack("<BBBBBBBBII", flag, head, sector, 0, kind, 0, 0, 0, first, 2047)


def sector(*entries: bytes, code: bytes = b"") -> bytes:
    return code.ljust(446, b"\0") + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


UNUSUAL = {
    "a protective entry of CHS 0/0/1, as macOS and old gdisk write it": sector(entry(sector=1)),
    "a protective entry that begins at another head": sector(entry(head=1)),
    "a protective entry of sector 2": sector(entry(first=2)),
    "a whole-disk NTFS with its boot code": sector(code=b"\xeb\x52\x90NTFS    ".ljust(446, b"\x90")),
    "a whole-disk ext with boot code (Alpine's extlinux)": sector(code=b"\xeb\x58\x90SYSLINUX"),
    "boot code where the partitions would be": sector(*[b"\x77" * 16] * 4, code=b"\xeb\x52\x90"),
    "a hybrid MBR beside the GPT": sector(entry(), entry(NTFS, first=2048)),
    "a protective entry that is not the first": sector(bytes(16), entry()),
    "no partitions": sector(),
    "a boot flag that is neither 00 nor 80": sector(entry(LINUX, flag=0x0A, first=2048)),
    "two protective entries": sector(entry(), entry()),
}
USUAL = {
    "a GPT": sector(entry()),
    "one active partition": sector(entry(LINUX, flag=0x80, first=2048)),
    "two active partitions": sector(*[entry(LINUX, flag=0x80, first=2048)] * 2),
    "a FAT without partitions": bytes(16) + b"\x02" + bytes(4) + b"\xf8" + bytes(488) + b"\x55\xaa",
    "no signature": bytes(512),
}


def disk(folder: Path, first: bytes, name: str = "disk.raw") -> Path:
    path = folder / name
    path.write_bytes(first + bytes(MIB))
    return path


def answer(*arguments: str | Path, status: int = 0) -> dict[str, object]:
    run = imgtool_here(*arguments, "--output", "json")
    assert run.returncode == status, run.stderr
    found = json.loads(run.stdout or run.stderr)
    assert isinstance(found, dict)
    return found


def finding(path: Path) -> dict[str, str]:
    run = imgtool_here("check", path, "--output", "json")
    assert run.returncode in {0, 1}, run.stderr
    found: list[dict[str, str]] = json.loads(run.stdout)["results"][0]["findings"]
    return next(one for one in found if one["check"] == "nova-accepts")


@pytest.mark.parametrize("first", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_mbr_is_a_matter_of_the_raw_format(first: bytes, tmp_path: Path) -> None:
    path = disk(tmp_path, first)
    image = admit(path)
    assert image.mbr_refusal is not None
    assert refusal(image, "qcow2") is None
    assert "Nova refuses it as a raw disk for its MBR" in str(refusal(image, "raw"))


@pytest.mark.parametrize("first", USUAL.values(), ids=USUAL)
def test_a_usual_one_is_none(first: bytes, tmp_path: Path) -> None:
    image = admit(disk(tmp_path, first))
    assert image.mbr_refusal is None
    assert refusal(image, "raw") is None


@pytest.mark.parametrize("name", [next(iter(UNUSUAL)), "a hybrid MBR beside the GPT"])
def test_every_command(name: str, tmp_path: Path) -> None:
    path = disk(tmp_path, UNUSUAL[name])
    answer("inspect", path)
    found = finding(path)
    assert (found["outcome"], found["severity"]) == ("fail", "warning")
    assert "prepare -O qcow2" in found["remedy"]
    inside, copy = tmp_path / "disk.qcow2", tmp_path / "copy.raw"
    assert answer("convert", path, inside)["notes"] == []
    assert "Nova refuses it as a raw disk" in str(answer("convert", inside, copy)["notes"])
    assert path.read_bytes() == copy.read_bytes()
    assert finding(inside)["outcome"] == "pass"
    answer("upload", inside, "--cloud", "c", "--name", "x", "--dry-run")
    for refused in (["upload", path], ["prepare", "-O", "raw", path], ["prepare", "-O", "raw", inside]):
        command = [*refused, "--cloud", "c", "--name", "x", "--dry-run", "--policy", "minimal"]
        run = imgtool_here(*(command[:-2] if refused[0] == "upload" else command))
        assert run.returncode == 2
        assert "Nova refuses it as a raw disk for its MBR" in run.stderr
        assert "--insist" in run.stderr
    told = answer("upload", path, "--cloud", "c", "--name", "x", "--dry-run", "--insist")
    assert told["upload"]["disk_format"] == "raw"  # type: ignore[index]  # JSON


def test_what_prepare_makes_a_qcow2_of_is_judged_as_one(tmp_path: Path) -> None:
    path = disk(tmp_path, UNUSUAL["no partitions"])
    to_try = ("--cloud", "c", "--dry-run", "--policy", "strict", "--output", "json")
    run = imgtool_here("prepare", path, *to_try)
    found = {one["check"]: one["outcome"] for one in json.loads(run.stdout)["result"]["findings"]}
    assert found["nova-accepts"] == "pass"


def test_a_whole_disk_file_system_with_boot_code_is_read(tmp_path: Path) -> None:
    path = tmp_path / "alpine.raw"
    path.write_bytes(bytes(8 * MIB))
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "alpine-root", path], check=True)
    with path.open("r+b") as file:
        file.write(sector(code=b"\xeb\x58\x90SYSLINUX" + b"\xfa" * 400))
    guest = answer("inspect", path)["guest"]
    assert [one["label"] for one in guest["filesystems"]] == ["alpine-root"]  # type: ignore[index]  # JSON


def iso(path: Path, first: bytes = b"") -> Path:
    path.write_bytes(first.ljust(32768, b"\0") + b"\x01CD001\x01".ljust(2048, b"\0") + bytes(MIB))
    return path


@pytest.mark.parametrize("claim", [[], ["-f", "iso"], ["-f", "raw"]], ids=["", "-f iso", "-f raw"])
@pytest.mark.parametrize("name", ["x.iso", "x.img", "x.raw"])
@pytest.mark.parametrize("first", [b"", sector(entry(0, flag=0x80)), sector(entry(0x17, flag=0x80, first=0))])
def test_an_iso_goes_as_one(first: bytes, name: str, claim: list[str], tmp_path: Path) -> None:
    told = answer("upload", iso(tmp_path / name, first), *claim, "--cloud", "c", "--dry-run")
    assert (told["upload"]["disk_format"], told["upload"]["streamed"]) == ("iso", False)  # type: ignore[index]  # JSON


@pytest.mark.parametrize("made", ["raw", "qcow2"])
def test_an_iso_is_not_prepared_as_a_disk(made: str, tmp_path: Path) -> None:
    path = iso(tmp_path / "installer.iso")
    run = imgtool_here("prepare", path, "-O", made, "--cloud", "c", "--dry-run")
    assert run.returncode == 2
    assert f"imgtool upload {path}" in run.stderr
    assert "optical disc" in run.stderr


def test_a_qcow2_of_an_iso_is_not_made_raw(tmp_path: Path) -> None:
    path = convert(iso(tmp_path / "x.iso"), tmp_path / "x.qcow2", "raw", "qcow2")
    run = imgtool_here("prepare", path, "-O", "raw", "--cloud", "c", "--dry-run")
    assert run.returncode == 2
    assert "prepare -O qcow2" in run.stderr


@pytest.mark.parametrize("options", [[], ["subformat=fixed"]], ids=["dynamic", "fixed"])
def test_a_vhd_is_converted_and_not_sent_as_it_is(options: list[str], tmp_path: Path) -> None:
    path = create(tmp_path / "x.vhd", "vpc", "8M", *options)
    for words in ([], ["--dry-run"]):
        run = imgtool_here("upload", path, "--cloud", "c", *words)
        assert run.returncode == 2, run.stderr
        assert f"imgtool prepare {path}" in run.stderr
    told = answer("upload", path, "--cloud", "c", "--dry-run", "--insist")
    assert told["upload"]["disk_format"] == "vhd"  # type: ignore[index]  # JSON
    assert finding(path)["outcome"] == "fail"


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_other_formats_go_as_they_are(image_format: str, tmp_path: Path) -> None:
    assert refusal(admit(create(tmp_path / f"x.{image_format}", image_format, "8M")), image_format) is None
