"""qcow2 files that want to read others: backing files and external data files."""

import struct
from pathlib import Path

from support.hostile.rows import INCOMPATIBLE, row
from support.images import patch, patch_u64, qemu_img

DATA_EXTENSION = 0x44415441


@row("backing file '.*canary'")
def backing_file(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", canary, "-F", "raw", path, "1M")
    return path


@row("backing file '.*canary'")
def backing_file_of_version_2(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-o", "compat=0.10", "-b", canary, "-F", "raw", path, "1M")
    return path


def _data_file(folder: Path, name: bytes) -> Path:
    path = folder / "x.qcow2"
    options = f"data_file={folder}/t,data_file_raw=on,preallocation=metadata"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, path, "1M")
    header = path.read_bytes()[:65536]
    at = header.index(struct.pack(">I", DATA_EXTENSION))
    padded = name + bytes(-len(name) % 8)
    return patch(path, at, struct.pack(">II", DATA_EXTENSION, len(name)) + padded + bytes(8))


@row("keeps its data in another file")
def external_data_file(folder: Path, canary: Path) -> Path:
    return _data_file(folder, bytes(canary))


@row("keeps its data in another file")
def external_data_file_json(folder: Path, canary: Path) -> Path:
    return _data_file(folder, b'json:{"driver":"file","filename":"%s"}' % bytes(canary))


@row("keeps its data in another file")
def external_data_file_without_its_bit(folder: Path, canary: Path) -> Path:
    return patch_u64(_data_file(folder, bytes(canary)), INCOMPATIBLE, 0)
