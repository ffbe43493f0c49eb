"""qcow2 files that name what QEMU would connect to, or parse."""

from pathlib import Path

from support.hostile.rows import INCOMPATIBLE, row
from support.images import create, patch_u32, patch_u64, qemu_img


def _backed_by(folder: Path, name: str) -> Path:
    path = folder / "x.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", name, "-F", "raw", path, "1M")
    return path


@row("backing file 'json:")
def backing_file_by_json(folder: Path, canary: Path) -> Path:
    return _backed_by(folder, f'json:{{"driver":"file","filename":"{canary}"}}')


@row("backing file 'nbd://127.0.0.1")
def backing_file_on_the_network(folder: Path, canary: Path) -> Path:
    return _backed_by(folder, "nbd://127.0.0.1:9/secret")


@row("backing file '/proc/self/environ'")
def backing_file_of_the_process(folder: Path, canary: Path) -> Path:
    return _backed_by(folder, "/proc/self/environ")


@row("backing file ''")
def backing_file_beyond_the_header(folder: Path, canary: Path) -> Path:
    return patch_u64(create(folder / "x.qcow2"), 8, 1 << 40)


@row("backing file ''")
def backing_file_without_a_name(folder: Path, canary: Path) -> Path:
    return patch_u32(_backed_by(folder, str(canary)), 16, 0)


@row("keeps its data in another file")
def data_file_bit_without_a_name(folder: Path, canary: Path) -> Path:
    return patch_u64(create(folder / "x.qcow2"), INCOMPATIBLE, 1 << 2)


@row("unknown incompatible feature bits")
def every_incompatible_feature_of_the_future(folder: Path, canary: Path) -> Path:
    return patch_u64(create(folder / "x.qcow2"), INCOMPATIBLE, 0xFFFFFFFFFFFFFFE0)


@row("unknown incompatible feature bits")
def incompatible_feature_7(folder: Path, canary: Path) -> Path:
    return patch_u64(create(folder / "x.qcow2"), INCOMPATIBLE, 1 << 7)


@row(r"clusters would have 2\^8")
def clusters_of_256_bytes(folder: Path, canary: Path) -> Path:
    return patch_u32(create(folder / "x.qcow2"), 20, 8)


@row(r"clusters would have 2\^22")
def clusters_of_4_mib(folder: Path, canary: Path) -> Path:
    return patch_u32(create(folder / "x.qcow2"), 20, 22)


@row("claims a length of 109")
def header_of_an_odd_length(folder: Path, canary: Path) -> Path:
    return patch_u32(create(folder / "x.qcow2"), 100, 109)


@row("claims a length of 8")
def header_that_is_too_short(folder: Path, canary: Path) -> Path:
    return patch_u32(create(folder / "x.qcow2"), 100, 8)
