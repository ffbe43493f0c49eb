"""Initramfs archives: cpio alone, segments in every compression, and unified kernel images."""

import io
from collections.abc import Iterator
from functools import cache

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.content import InitramfsContent, is_trace
from imgtool.guest.initramfs.pe import pe_sections, section_text
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks
from imgtool.guest.initramfs.segments import read_segments
from imgtool.guest.kernels import InstalledKernel

_VERSION = "6.1.0-41-amd64"
_MODULES = {
    f"usr/lib/modules/{_VERSION}/kernel/drivers/{name}.ko": b"\x7fELF" * 40 for name in ("virtio", "nvme")
}
_EARLY = seeds.newc({"kernel/x86/microcode/GenuineIntel.bin": b"micro" * 90})
_MAIN = seeds.newc(
    {
        "init": b"#!/bin/sh\n",
        "conf/initramfs.conf": b"MODULES=most\nBUSYBOX=auto\n",
        "conf/conf.d/x": b"MODULES=dep\n",
        "usr/lib/dracut/build-parameter.txt": b" '--no-hostonly' -H\n",
        "buildconfig": b"HOOKS=(base autodetect)\n",
        **_MODULES,
        "usr/lib/modules/5.10.0/kernel/x.ko.xz": b"old",
    }
)


_KERNEL = InstalledKernel(_VERSION, f"/usr/lib/modules/{_VERSION}", None, None, {}, {}, {}, frozenset(), {})


@cache
def _archives() -> list[Seed]:
    return [Seed("newc", _MAIN), Seed("two", _EARLY + bytes(512 - len(_EARLY) % 512) + _MAIN)]


@cache
def _segments() -> list[Seed]:
    return [
        Seed(method, _EARLY + bytes(-len(_EARLY) % 512) + seeds.compress(method, _MAIN))
        for method in seeds.COMPRESSORS
    ]


def _read(mutant: Mutant) -> str:
    content = InitramfsContent(_KERNEL)
    try:
        for compression, member in read_segments(Reader(file_chunks(io.BytesIO(mutant.content))), is_trace):
            content.add(compression, member)
    except ArchiveError as error:
        content.stop(error)
    content.finish()
    said = (content.generator, content.host_only, content.compression, len(content.modules))
    return f"{content.problem} {said} {content.unread}"


@cache
def _unified() -> list[Seed]:
    sections = {
        ".osrel": b"ID=debian\n",
        ".cmdline": b"root=LABEL=x quiet",
        ".uname": _VERSION.encode(),
        ".linux": b"MZ" * 400,
        ".initrd": seeds.compress("zstd", _MAIN),
    }
    return [Seed("unified", seeds.unified_image(sections))]


def _read_unified(mutant: Mutant) -> str:
    stream = io.BytesIO(mutant.content)
    found = pe_sections(stream)
    texts = [len(section_text(stream, section)) for section in found.values()]
    section = found.get(".initrd")
    members = 0
    if section is not None:
        members = sum(1 for _ in _members(stream, section.start, section.length))
    return f"{sorted(found)[:4]} {len(texts)} {members > 0}"


def _members(stream: io.BytesIO, start: int, length: int) -> Iterator[object]:
    return read_segments(Reader(file_chunks(stream, start, length)), is_trace)


TARGETS = (
    Target("cpio", _archives, _read, share=130),
    Target("initramfs", _segments, _read, share=130),
    Target("unified-image", _unified, _read_unified, (GuestReadError,), share=50),
)
