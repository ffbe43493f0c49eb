"""Images for a Glance that converts what is imported, and one that lies about it."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.images import convert, create, qemu_io

SIZE_BYTES = 24 << 20
LIAR = """#!/bin/sh
# Converts, and changes the disk in one byte.
{real} "$@" || exit
if [ "$1" = convert ]; then
    for target; do :; done
    printf X | dd of="$target" bs=1 seek=3145728 conv=notrunc status=none
fi
"""


Kind = Callable[[Path], tuple[Path, tuple[str, ...]]]
KINDS: dict[str, Kind] = {
    "raw as it is": lambda disk: (disk, ()),
    "qcow2 as it is": lambda disk: (convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2"), ()),
    "compressed qcow2": lambda disk: (compressed(disk), ()),
    "VMDK": lambda disk: (convert(disk, disk.with_suffix(".vmdk"), "raw", "vmdk"), ()),
    "qcow2 made on the way": lambda disk: (disk, ("-O", "qcow2")),
}
"""Of a raw disk: what is sent, and the options besides."""


def compressed(disk: Path) -> Path:
    return convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2", "-c")


def make_disk(path: Path) -> Path:
    """A raw disk of 24 MiB, most of it holes, and like no other."""
    create(path, "raw", str(SIZE_BYTES))
    qemu_io(path, ["write -P 7 1M 3M", "write -P 9 20M 1M"], "raw")
    with path.open("r+b") as file:
        file.write(os.urandom(512))
    return path


def sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def deliver(path: Path, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    chosen = ("--cloud", "devcloud-member", "--name", name, "--output", "json", *options)
    if "-O" in options:
        return imgtool("prepare", path, "--policy", "data", *chosen)
    return imgtool("upload", path, *chosen)


def delivered(path: Path, name: str, *options: str) -> dict[str, Any]:
    run = deliver(path, name, *options)
    assert run.returncode == 0, run.stderr + run.stdout
    document: dict[str, Any] = json.loads(run.stdout)
    return document.get("upload") or document


@contextmanager
def lying_cloud(parts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devcloud]:
    """A cloud whose Glance converts to other bytes; it is the one that is found."""
    programs = folder / "programs"
    programs.mkdir()
    liar = programs / "qemu-img"
    liar.write_text(LIAR.format(real=shutil.which("qemu-img")))
    liar.chmod(0o755)
    with cloud_with(parts, folder, PATH=f"{programs}:{os.environ['PATH']}") as cloud:
        cloud.enter(monkeypatch, folder)
        yield cloud
