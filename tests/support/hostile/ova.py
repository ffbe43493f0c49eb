"""OVAs whose archive or descriptor could be read in two ways, names what is not in it, or has no end."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

from support.hostile.rows import row
from support.images import qemu_img
from support.ovas import ova, ovf, tar

DISK = b"\0" * 510 + b"disk" * 1024
_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))


def _archive(folder: Path, *members: tarfile.TarInfo | tuple[str, bytes], name: str = "x.ova") -> Path:
    """An archive of these, in this order; a TarInfo is a header without content."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    path = folder / name
    path.write_bytes(made.getvalue())
    return path


def _ovf(*hrefs: str, **more: str) -> tuple[str, bytes]:
    return "x.ovf", ovf(hrefs, **more)


def _special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("x-disk1.vmdk")
    info.type, info.linkname = kind, target
    return info


def _resealed(block: bytearray) -> bytes:
    """A header with the checksum that it should have."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _patched(path: Path, offset: int, content: bytes, *, header: int) -> Path:
    """`content` at `offset` of the header that begins at `header`."""
    archive = bytearray(path.read_bytes())
    block = archive[header : header + 512]
    block[offset : offset + len(content)] = content
    archive[header : header + 512] = _resealed(block)
    path.write_bytes(archive)
    return path


def _header_of(path: Path, name: str) -> int:
    content, wanted = path.read_bytes(), name.encode().ljust(100, b"\0")
    return next(at for at in range(0, len(content), 512) if content[at : at + 100] == wanted)


@row("leads out of it: '../x-disk1.vmdk'")
def ova_with_a_member_above(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("../x-disk1.vmdk"), ("../x-disk1.vmdk", DISK))


@row("leads out of it: '/")
def ova_with_an_absolute_member(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf(str(canary)), (str(canary), DISK))


@row("leads out of it")
def ova_with_a_member_that_comes_back(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), ("a/../x-disk1.vmdk", DISK))


@row("that is a symbolic link")
def ova_of_a_symbolic_link(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), _special(tarfile.SYMTYPE, str(canary)))


@row("that is a hard link")
def ova_of_a_hard_link(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), _special(tarfile.LNKTYPE, str(canary)))


@row("that is a FIFO")
def ova_of_a_fifo(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), _special(tarfile.FIFOTYPE))


@row("that is a block device")
def ova_of_a_device(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), _special(tarfile.BLKTYPE))


@row("that is a sparse file")
def ova_of_a_sparse_file(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), _special(tarfile.GNUTYPE_SPARSE))


@row("has a sparse file")
def ova_of_a_sparse_file_by_pax(folder: Path, canary: Path) -> Path:
    return _with_records(folder, {"GNU.sparse.major": "1"})


def _with_records(folder: Path, records: dict[str, str]) -> Path:
    info = tarfile.TarInfo("x-disk1.vmdk")
    info.size, info.pax_headers = len(DISK), records
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        first = tarfile.TarInfo("x.ovf")
        first.size = len(content := _ovf("x-disk1.vmdk")[1])
        archive.addfile(first, io.BytesIO(content))
        archive.addfile(info, io.BytesIO(DISK))
    path = folder / "x.ova"
    path.write_bytes(made.getvalue())
    return path


@row("leads out of it")
def ova_with_a_member_above_by_pax(folder: Path, canary: Path) -> Path:
    return _with_records(folder, {"path": "../x-disk1.vmdk"})


@row("ends within|cut off")
def ova_of_a_size_beyond_the_file_by_pax(folder: Path, canary: Path) -> Path:
    return _with_records(folder, {"size": str(1 << 40)})


@row("two files of the name 'x-disk1.vmdk'")
def ova_with_two_files_of_a_name(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), ("x-disk1.vmdk", DISK), ("./x-disk1.vmdk", DISK))


@row("ends within 'x-disk1.vmdk'")
def ova_cut_off(folder: Path, canary: Path) -> Path:
    path = ova(folder / "x.ova", {"x-disk1.vmdk": DISK * 16})
    with path.open("r+b") as file:
        file.truncate(30_000)
    return path


@row("ends within 'x-disk1.vmdk'")
def ova_of_a_size_beyond_the_file(folder: Path, canary: Path) -> Path:
    path = ova(folder / "x.ova", {"x-disk1.vmdk": DISK})
    return _patched(path, 124, b"77777777777\0", header=_header_of(path, "x-disk1.vmdk"))


@row("ends within 'x-disk1.vmdk'")
def ova_of_an_absurd_size(folder: Path, canary: Path) -> Path:
    path = ova(folder / "x.ova", {"x-disk1.vmdk": DISK})
    size = b"\x80" + struct.pack(">3xQ", (1 << 63) + 1)
    return _patched(path, 124, size, header=_header_of(path, "x-disk1.vmdk"))


@row("negative, or huge")
def ova_of_a_negative_size(folder: Path, canary: Path) -> Path:
    path = ova(folder / "x.ova", {"x-disk1.vmdk": DISK})
    return _patched(path, 124, b"\xff" * 12, header=_header_of(path, "x-disk1.vmdk"))


@row("archive is damaged: (a number|the checksum) of a header")
def ova_whose_next_header_is_inside_a_disk(folder: Path, canary: Path) -> Path:
    """A size that is too small: readers that trust another size of it would see other members."""
    path = ova(folder / "x.ova", {"x-disk1.vmdk": DISK * 4})
    return _patched(path, 124, b"00000000777\0", header=_header_of(path, "x-disk1.vmdk"))


@row("more than 512 members")
def ova_of_thousands_of_members(folder: Path, canary: Path) -> Path:
    members = [(f"{number}.nvram", b"") for number in range(3000)]
    return _archive(folder, _ovf("x-disk1.vmdk"), *members, ("x-disk1.vmdk", DISK))


@row("document type")
def ova_with_an_external_entity(folder: Path, canary: Path) -> Path:
    head = f'<!DOCTYPE Envelope [<!ENTITY x SYSTEM "file://{canary}">]>'
    return _archive(folder, _ovf("&x;", head=head), ("x-disk1.vmdk", DISK))


@row("document type")
def ova_with_an_entity_bomb(folder: Path, canary: Path) -> Path:
    head = f'<!DOCTYPE Envelope [<!ENTITY e0 "aaaaaaaaaa">{_ENTITIES}]>'
    return _archive(folder, _ovf("&e11;", head=head), ("x-disk1.vmdk", DISK))


@row("100 deep in each other")
def ova_of_deep_elements(folder: Path, canary: Path) -> Path:
    return _archive(folder, ("x.ovf", b"<Envelope>" + b"<a>" * 100_000), ("x-disk1.vmdk", DISK))


@row("its OVF is longer than 1048576 bytes")
def ova_of_an_endless_descriptor(folder: Path, canary: Path) -> Path:
    return _archive(folder, ("x.ovf", bytes(1 << 21)), ("x-disk1.vmdk", DISK))


@row("its OVF is damaged")
def ova_of_no_xml(folder: Path, canary: Path) -> Path:
    return _archive(folder, ("x.ovf", b"\0" * 100), ("x-disk1.vmdk", DISK))


@row("no-such.vmdk: its OVF names it, and it is not in the archive")
def ova_of_a_disk_that_is_not_there(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("no-such.vmdk"), ("x-disk1.vmdk", DISK))


@row("not in the archive")
def ova_of_a_disk_on_a_server(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("http://127.0.0.1:1/x-disk1.vmdk"), ("x-disk1.vmdk", DISK))


@row("not in the archive")
def ova_of_a_file_of_the_host(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf(f"file://{canary}"), ("x-disk1.vmdk", DISK))


@row("not in the archive")
def ova_of_a_path_of_the_host(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf(str(canary)), ("x-disk1.vmdk", DISK))


@row("compressed in the archive \\('gzip'\\)")
def ova_of_a_compressed_disk(folder: Path, canary: Path) -> Path:
    return _archive(
        folder, _ovf("x-disk1.vmdk", file='ovf:compression="gzip"'), ("x-disk1.vmdk", gzip.compress(DISK))
    )


@row("it is compressed with gzip")
def ova_of_a_disk_that_is_compressed_all_the_same(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), ("x-disk1.vmdk", gzip.compress(DISK)))


@row("in several pieces")
def ova_of_a_disk_in_pieces(folder: Path, canary: Path) -> Path:
    return _archive(
        folder, _ovf("x-disk1.vmdk", file='ovf:chunkSize="1024"'), ("x-disk1.vmdk.000000000", DISK)
    )


@row("only what differs from another disk")
def ova_of_a_disk_over_another(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk", disk='ovf:parentRef="vmdisk9"'), ("x-disk1.vmdk", DISK))


@row("two values of fileRef")
def ova_with_two_values_of_an_attribute(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk", disk='fileRef="file1"'), ("x-disk1.vmdk", DISK))


@row("two files of the id")
def ova_with_two_files_of_an_id(folder: Path, canary: Path) -> Path:
    name, content = _ovf("x-disk1.vmdk", "y-disk1.vmdk")
    content = content.replace(b'ovf:id="file1"', b'ovf:id="file0"')
    return _archive(folder, (name, content), ("x-disk1.vmdk", DISK), ("y-disk1.vmdk", DISK))


@row("not in its list")
def ova_of_a_file_without_a_name(folder: Path, canary: Path) -> Path:
    name, content = _ovf("x-disk1.vmdk")
    return _archive(folder, (name, content.replace(b"<File ", b"<Fire ")), ("x-disk1.vmdk", DISK))


@row("2 OVF descriptors")
def ova_of_two_descriptors(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf("x-disk1.vmdk"), ("y.ovf", ovf(["y"])), ("x-disk1.vmdk", DISK))


@row("OVA without a disk")
def ova_without_a_disk(folder: Path, canary: Path) -> Path:
    return _archive(folder, _ovf(), ("x-disk1.vmdk", DISK))


@row("an OVA of 2 disks")
def ova_of_two_disks(folder: Path, canary: Path) -> Path:
    return ova(folder / "x.ova", {"x-disk1.vmdk": DISK, "x-disk2.vmdk": DISK})


@row("it is empty")
def ova_of_an_empty_disk(folder: Path, canary: Path) -> Path:
    return ova(folder / "x.ova", {"x-disk1.vmdk": b""})


@row("x-disk1.vmdk: its name claims that it is vmdk, but its content is qcow2 with a backing file")
def ova_of_a_qcow2_that_is_named_vmdk(folder: Path, canary: Path) -> Path:
    return ova(folder / "x.ova", {"x-disk1.vmdk": _with_a_backing_file(folder, canary)})


@row("x-disk1: .*backing")
def ova_of_a_qcow2_with_a_backing_file(folder: Path, canary: Path) -> Path:
    return ova(folder / "x.ova", {"x-disk1": _with_a_backing_file(folder, canary)})


def _with_a_backing_file(folder: Path, canary: Path) -> bytes:
    inner = folder / "inner"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", canary, "-F", "raw", inner, "1M")
    content = inner.read_bytes()
    inner.unlink()
    return content


@row("x-disk1.vmdk: .*names other files")
def ova_of_a_descriptor(folder: Path, canary: Path) -> Path:
    text = f'# Disk DescriptorFile\nparentCID=ffffffff\ncreateType="vmfs"\nRW 4 VMFS "{canary}"\n'
    return ova(folder / "x.ova", {"x-disk1.vmdk": text.encode()})


@row("tar archive")
def ova_in_an_ova(folder: Path, canary: Path) -> Path:
    inner = tar({"x.ovf": ovf(["x-disk1.vmdk"]), "x-disk1.vmdk": DISK})
    return ova(folder / "x.ova", {"x-disk1": inner})


@row("no OVA: it has no OVF descriptors")
def tar_of_a_container(folder: Path, canary: Path) -> Path:
    return _archive(folder, ("manifest.json", b"[]"), ("layer.tar", DISK), name="x.img")
