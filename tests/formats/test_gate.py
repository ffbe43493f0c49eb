import bz2
import gzip
import io
import lzma
import os
import re
import socket
import tarfile
import time
from pathlib import Path

import pytest
import zstandard
from support.images import convert, create, create_unsafe, info, patch, qemu_img, stream_optimized_vmdk

from imgtool.errors import FormatMismatchError, ImageUnreadableError, UnsafeImageError, UsageError
from imgtool.formats import admit, open_admitted, verify_unchanged


def _tar() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("disk.vmdk"))
    return archive.getvalue()


STRANGE_NAMES = ["a:b", "json:{}", "-x", "a b,c", "q'\"`$(x)", "new\nline", "%s%n", os.fsdecode(b"\xff\xfe")]
MIB = 1 << 20


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(os.urandom(64 << 10).join([bytes(512), bytes(MIB)]))
    with path.open("r+b") as file:
        file.truncate(3 * MIB)
    return path


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("qcow2", []),
        ("qcow2", ["compat=0.10"]),
        ("qcow2", ["cluster_size=512"]),
        ("qcow2", ["cluster_size=2M"]),
        ("qcow2", ["refcount_bits=1"]),
        ("qcow2", ["compression_type=zstd"]),
        ("qcow2", ["lazy_refcounts=on"]),
        ("qcow2", ["preallocation=full"]),
        ("vmdk", []),
        ("vmdk", ["subformat=streamOptimized"]),
        ("vdi", []),
        ("vdi", ["static=on"]),
        ("vpc", []),
        ("vpc", ["force_size=on"]),
        ("vpc", ["subformat=fixed"]),
        ("vhdx", []),
        ("vhdx", ["subformat=fixed"]),
    ],
)
@pytest.mark.parametrize("size", ["1M", "1234567680", "127G"])
def test_sizes_are_what_qemu_says(tmp_path: Path, image_format: str, options: list[str], size: str):
    if size != "1M" and ({"subformat=fixed", "static=on", "preallocation=full"} & set(options)):
        size = "5M"
    if size == "127G" and "cluster_size=512" in options:
        size = "10G"
    path = create(tmp_path / f"disk.{image_format}", image_format, size, *options)
    image, found = admit(path), info(path, image_format)
    assert (image.format, image.virtual_size_bytes) == (image_format, found.virtual_size_bytes)
    assert (image.file_size_bytes, image.allocated_bytes) == (path.stat().st_size, found.allocated_bytes)
    assert image.path == path
    assert "its name says the same" in image.format_evidence


def test_what_a_qcow2_header_says(tmp_path: Path):
    path = create(tmp_path / "x", "qcow2", "1M", "cluster_size=4k,compression_type=zstd")
    qemu_img("snapshot", "-c", "one", path)
    image = admit(path)
    assert (image.version, image.cluster_size_bytes, image.compression_type) == (3, 4096, "zstd")
    assert (image.snapshots, image.encrypted, image.wrapper) == (1, False, None)
    assert "nobody claimed a format" in image.format_evidence


def test_a_raw_disk(raw: Path):
    image = admit(raw)
    assert (image.format, image.virtual_size_bytes, image.cluster_size_bytes) == ("raw", 3 * MIB, None)
    assert admit(raw, "raw").format_evidence.endswith("the caller says the same")


def test_a_raw_disk_ends_with_a_whole_sector(tmp_path: Path):
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(1000))
    assert admit(path).virtual_size_bytes == info(path, "raw").virtual_size_bytes == 1024


def test_partition_tables_and_isos_are_raw(tmp_path: Path):
    gpt = tmp_path / "gpt.raw"
    entry = bytes.fromhex("00000200eeffffff01000000ff7f0000")
    gpt.write_bytes(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes(MIB))
    assert (admit(gpt).format, "partition table" in admit(gpt).format_evidence) == ("raw", True)
    iso = tmp_path / "x.iso"
    iso.write_bytes(bytes(32768) + b"\x01CD001\x01" + bytes(MIB))
    assert (admit(iso, "iso").format, "ISO 9660" in admit(iso).format_evidence) == ("raw", True)
    hybrid = patch(patch(tmp_path / "x.iso", 446, entry), 510, b"\x55\xaa")
    assert admit(hybrid).format == "raw"


def test_a_vmdk_of_vmwares_tools(raw: Path, tmp_path: Path):
    path = stream_optimized_vmdk(raw, tmp_path / "x.vmdk")
    assert admit(path).virtual_size_bytes == 3 * MIB
    assert info(path, "vmdk").virtual_size_bytes == 3 * MIB


def test_a_fixed_vhd_needs_somebody_to_say_so(raw: Path, tmp_path: Path):
    path = convert(raw, tmp_path / "disk", "raw", "vpc", "-o", "subformat=fixed,force_size=on")
    assert admit(path).format == "raw"
    assert admit(path, "vhd").format == "vpc"
    assert admit(path, "vpc").virtual_size_bytes == 3 * MIB


@pytest.mark.parametrize("size", [1 << 30, 100 << 30])
def test_a_huge_sparse_disk_takes_milliseconds(tmp_path: Path, size: int):
    path = tmp_path / "huge.raw"
    with path.open("wb") as file:
        file.truncate(size)
    admit(path)
    started = time.process_time()
    image = admit(path)
    assert time.process_time() - started < 0.1
    assert (image.virtual_size_bytes, image.allocated_bytes) == (size, 0)


def test_a_block_device(raw: Path, loop_device):
    device = loop_device(raw)
    image = admit(device)
    assert (image.format, image.virtual_size_bytes, image.file_size_bytes) == ("raw", 3 * MIB, 3 * MIB)
    verify_unchanged(image)


def test_a_symbolic_link_is_followed_once(raw: Path, tmp_path: Path):
    link = tmp_path / "link.raw"
    link.symlink_to(raw)
    assert admit(link).path == raw
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ImageUnreadableError, match="symbolic links"):
        admit(tmp_path / "loop")


def test_what_is_no_file(tmp_path: Path):
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path, says in [
            (tmp_path, "it is a directory"),
            (tmp_path / "fifo", "it is a FIFO"),
            (tmp_path / "socket", "it is a socket"),
            (Path("/dev/zero"), "it is a character device"),
            (tmp_path / "empty", "it is empty"),
            (tmp_path / "missing", "No such file"),
            (tmp_path / "empty" / "below", "Not a directory"),
            (tmp_path / ("x" * 300), "File name too long"),
            (Path("nul\0byte"), "no file can have this name"),
        ]:
            with pytest.raises(ImageUnreadableError, match=says) as caught:
                admit(path)
            assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"just some words\n" * 100, "it is ASCII text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "it is HTML document"),
        (b"%PDF-1.4\n" + bytes(5000), "it is PDF document"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00\x01" + bytes(5000), "it is ELF"),
        (_tar(), "tar archive"),
        (b"PK\x03\x04\x14" + bytes(5000), "Zip archive"),
        (b'{"a": [1, 2]}', "it is JSON"),
    ],
)
def test_what_is_no_disk_unless_the_caller_insists(tmp_path: Path, content: bytes, says: str):
    for name in ("x", "x.raw"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ImageUnreadableError, match=f"not a disk image: .*{says}"):
            admit(path)
        assert admit(path, "raw").format == "raw"


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names(raw: Path, tmp_path: Path, name: str):
    assert admit(raw.rename(tmp_path / name)).path.name == name


def test_a_strange_name_is_escaped_in_a_message(tmp_path: Path):
    path = tmp_path / "\x1b[2Jx"
    path.write_text("text")
    with pytest.raises(ImageUnreadableError, match=r"\\x1b\[2Jx: not a disk") as caught:
        admit(path)
    assert "\x1b" not in caught.value.message


def test_the_claims_of_names_and_callers(raw: Path, tmp_path: Path):
    for name in ("x", "x.img", "x.bin", "x.raw", "x.iso"):
        assert admit(raw.rename(tmp_path / name)).format == "raw"
        raw = tmp_path / name
    for name in ("x.qcow2", "x.QCOW2", "x.qcow", "x.qc2", "x.vmdk", "x.vdi", "x.vhd", "x.vpc", "x.vhdx"):
        raw = raw.rename(tmp_path / name)
        with pytest.raises(FormatMismatchError, match="its name claims that it is"):
            admit(raw)
        assert admit(raw, "raw").format == "raw"
        with pytest.raises(FormatMismatchError, match="the caller claims that it is qcow2, but"):
            admit(raw, "qcow2")
    with pytest.raises(UsageError, match="unsupported image format: qed"):
        admit(raw, "qed")


WRAPPERS = {
    "gzip": (gzip.compress, "gz"),
    "xz": (lzma.compress, "xz"),
    "zstd": (zstandard.compress, "zst"),
    "bzip2": (bz2.compress, "bz2"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_compressed_image_is_recognised_by_its_content(raw: Path, tmp_path: Path, wrapper: str):
    compress, ending = WRAPPERS[wrapper]
    qcow2 = convert(raw, tmp_path / "q.qcow2", "raw", "qcow2")
    for name in (f"disk.qcow2.{ending}", "anything", "disk.qcow2"):
        path = tmp_path / f"w-{name}"
        path.write_bytes(compress(qcow2.read_bytes()))
        image = admit(path)
        assert (image.wrapper, image.format, image.virtual_size_bytes) == (wrapper, "qcow2", 3 * MIB)
    path.write_bytes(compress(raw.read_bytes()))
    with pytest.raises(FormatMismatchError, match="its name claims that it is qcow2"):
        admit(path)
    assert (admit(path, "raw").format, admit(path, "raw").virtual_size_bytes) == ("raw", 0)


def test_compressed_hostile_text_and_nested_files_are_refused(tmp_path: Path):
    base = tmp_path / "x.qcow2"
    create_unsafe(base)
    path = tmp_path / "x.gz"
    for content, error, says in [
        (base.read_bytes(), UnsafeImageError, "backing file '/etc/hostname'"),
        (b"text\n" * 99, ImageUnreadableError, "ASCII text"),
        (gzip.compress(bytes(1000)), ImageUnreadableError, "more than once"),
    ]:
        path.write_bytes(gzip.compress(content))
        with pytest.raises(error, match=says):
            admit(path)
    path.write_bytes(gzip.compress(os.urandom(1000))[:-500])
    with pytest.raises(ImageUnreadableError, match="cut off"):
        admit(path)


def test_a_change_after_the_gate_is_noticed(raw: Path):
    image = admit(raw)
    verify_unchanged(image)
    with open_admitted(image) as source:
        assert source.read_at(0, 512) == bytes(512)
    with pytest.raises(ImageUnreadableError, match="it changed after"), open_admitted(image):
        os.utime(raw, ns=(0, 0))
    with pytest.raises(ImageUnreadableError, match="it changed after"), open_admitted(image):
        pytest.fail("it was opened")


def test_a_name_that_is_given_to_another_file_means_nothing(raw: Path, tmp_path: Path):
    """The file stays open: whoever moves names about, and back, changes nothing of what is read."""
    other = tmp_path / "other"
    other.write_bytes(b"x" * 512)
    image = admit(raw)
    with pytest.raises(ImageUnreadableError, match=re.escape(f"{raw}: it changed after")):
        other.replace(raw)
        verify_unchanged(image)


def test_a_time_that_is_set_back_is_noticed(raw: Path):
    image, before = admit(raw), raw.stat()
    with raw.open("r+b") as file:
        file.write(b"x")
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ImageUnreadableError, match="it changed after"):
        verify_unchanged(image)


def test_an_error_of_the_reader_is_not_renamed(raw: Path):
    with pytest.raises(UsageError) as caught, open_admitted(admit(raw)):
        raise UsageError("something else")
    assert caught.value.message == "something else"
