"""Members of tar archives, by tarfile's word; what is refused is tests/support/hostile/ova.py."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.ovas import TarFormat, tar

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.ova.tar import MAX_MEMBERS, Member, read_members

LONG = "/".join(["a" * 60] * 6) + "/x-disk1.vmdk"
PREFIXED = "/".join(["a" * 40] * 3) + "/x-disk1.vmdk"


def members(content: bytes) -> list[Member]:
    def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    return list(read_members(read_at, len(content)))


def contents(archive: bytes) -> dict[str, bytes]:
    return {name.decode(): archive[start : start + size] for name, start, size in members(archive)}


@pytest.mark.parametrize("tar_format", ["ustar", "gnu", "pax"])
@pytest.mark.parametrize("name", ["x.ovf", "a b:c.vmdk", "wéb.vmdk", "a" * 100, PREFIXED, LONG, "x\\y"])
def test_names_of_every_format(name: str, tar_format: TarFormat) -> None:
    if name == LONG and tar_format == "ustar":
        return  # it cannot have such a name
    found = {name: b"one", "second": bytes(513), "third": b""}
    assert contents(tar(found, tar_format)) == found


@pytest.mark.parametrize("kind", ["--format=ustar", "--format=gnu", "--format=posix", "--format=v7"])
def test_as_gnu_tar_makes_it(tmp_path: Path, kind: str) -> None:
    for name in ("x.ovf", "x.vmdk"):
        (tmp_path / name).write_bytes(name.encode() * 400)
    argv = ["tar", kind, "-cf", "-", "./x.ovf", "./x.vmdk"]
    archive = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True).stdout
    assert contents(archive) == {name: name.encode() * 400 for name in ("x.ovf", "x.vmdk")}


def test_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.ovf").write_bytes(b"x")
    archive = subprocess.run(["tar", "-C", tmp_path, "-cf", "-", "."], capture_output=True, check=True).stdout
    assert contents(archive) == {"in/x.ovf": b"x"}


def _huge(tar_format: int) -> tuple[bytes, int]:
    """A header for 20 GiB, which is more than octal digits can say."""
    info = tarfile.TarInfo("x.vmdk")
    info.size = 20 << 30
    return info.tobuf(tar_format), info.size


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_of_more_than_8_gib(tmp_path: Path, tar_format: int) -> None:
    header, size = _huge(tar_format)
    path = tmp_path / "x.tar"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size + 1024)
    with path.open("rb") as file:
        found = list(
            read_members(
                lambda offset, length: os.pread(file.fileno(), length, offset), len(header) + size + 1024
            )
        )
    assert found == [Member(b"x.vmdk", len(header), size)]


@pytest.mark.parametrize("end", [0, 1, 512, 1024, 5000])
def test_the_end_may_be_marked_or_not(end: int) -> None:
    archive = tar({"x": bytes(512)})[:1024]
    assert contents(archive + bytes(end)) == {"x": bytes(512)}


def test_padding_may_be_missing_at_the_end() -> None:
    assert contents(tar({"x": b"abc"})[:515]) == {"x": b"abc"}


def test_what_is_behind_the_end_is_not_there() -> None:
    assert contents(tar({"x": b"a"}) + tar({"y": b"b"})) == {"x": b"a"}


def test_as_many_as_there_may_be() -> None:
    names = {str(number): b"" for number in range(MAX_MEMBERS)}
    assert contents(tar(names)) == names
    with pytest.raises(ImageUnreadableError, match="more than 512 members"):
        members(tar({**names, "more": b""}))


@pytest.mark.parametrize("records", ["path=x", "size=512", "GNU.sparse.major=1"])
def test_records_for_all_members_are_refused(records: str) -> None:
    made = io.BytesIO()
    key, _, value = records.partition("=")
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT, pax_headers={key: value}) as archive:
        archive.addfile(tarfile.TarInfo("x"))
    with pytest.raises(UnsafeImageError):
        members(made.getvalue())


def test_a_comment_for_all_members_is_none_of_ours() -> None:
    """As git archive writes it."""
    made = io.BytesIO()
    headers = {"comment": "1234567890"}
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        archive.addfile(tarfile.TarInfo("x"))
    assert contents(made.getvalue()) == {"x": b""}


@pytest.mark.parametrize(
    "content", [b"9999 path=x\n", b"x path=x\n", b"-1 a=b\n", b"6 path\n", b"5 a=b", b"1"]
)
def test_records_that_are_none(content: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(content)
    archive = info.tobuf(tarfile.USTAR_FORMAT) + content.ljust(512, b"\0") + tar({"x": b""})
    with pytest.raises(ImageUnreadableError, match="damaged"):
        members(archive)


def test_two_extended_headers_that_contradict() -> None:
    info = tarfile.TarInfo("x")
    info.pax_headers = {"path": "a"}
    extended = info.tobuf(tarfile.PAX_FORMAT)[:1024]
    with pytest.raises(UnsafeImageError, match="two names, or sizes"):
        members(extended + extended + tar({"x": b""}))


@pytest.mark.parametrize("size", [b"\0" + b"0" * 8 + b"12\0", b"12 34\0", b"8\0", b"-1\0", b"1_0\0"])
def test_sizes_that_programs_disagree_about(size: bytes) -> None:
    block = bytearray(tar({"x": b"a"})[:512])
    block[124:136] = size.ljust(12, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(ImageUnreadableError, match="a number of a header is none"):
        members(bytes(block) + bytes(1024))


@pytest.mark.parametrize("place", [0, 100, 124, 148, 156, 257])
def test_any_damage_of_a_header_is_noticed(place: int) -> None:
    archive = bytearray(tar({"x": b"a"}))
    archive[place] ^= 1
    with pytest.raises((ImageUnreadableError, UnsafeImageError)):
        members(bytes(archive))
