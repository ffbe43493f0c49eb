"""Programs in the ELF format: for which machine, and what they need to be started.

Sources: the System V ABI (elf(5)) for the layout, execve(2) for what the kernel does with it.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError

MAGIC = b"\x7fELF"
CLASS_32, CLASS_64 = 1, 2
LITTLE_ENDIAN, BIG_ENDIAN = 1, 2
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
TYPES_THAT_RUN = (2, 3)
"""e_type of what is linked: ET_EXEC, ET_DYN."""
MAX_SEGMENTS = 200
MAX_DYNAMIC_BYTES = 64 << 10
MAX_NAME_BYTES = 4096
"""Of an interpreter, a library or a list of directories: PATH_MAX."""
MAX_NEEDED = 500
"""Libraries that one file names."""

_MACHINES = {
    (3, CLASS_32): "i686",
    (8, CLASS_32): "mips",
    (8, CLASS_64): "mips64",
    (20, CLASS_32): "ppc",
    (21, CLASS_64): "ppc64",
    (22, CLASS_64): "s390x",
    (40, CLASS_32): "armv7l",
    (62, CLASS_64): "x86_64",
    (62, CLASS_32): "x32",
    (183, CLASS_64): "aarch64",
    (243, CLASS_32): "riscv32",
    (243, CLASS_64): "riscv64",
    (258, CLASS_64): "loongarch64",
}
"""(e_machine, class) to the name that `uname -m` prints: System V ABI, elf.h."""


class NotElfError(Exception):
    """The file is no whole ELF program: says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What a file's headers say."""

    machine: str
    """As `uname -m` says it."""
    interpreter: str | None
    """The dynamic loader, PT_INTERP; None of a static program and of most libraries."""
    needed: tuple[str, ...] = ()
    """Libraries, DT_NEEDED, in their order."""
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    """Directories to look for them in, as written: `$ORIGIN/../lib`."""
    end_bytes: int = 0
    """Where its last segment ends: a file that is shorter was cut off."""


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def machine_of(header: bytes) -> str | None:
    """The machine by the first 20 bytes of an ELF file; None where it is none that is known here."""
    if len(header) < 20 or not header.startswith(MAGIC) or header[5] not in {LITTLE_ENDIAN, BIG_ENDIAN}:
        return None
    little = header[5] == LITTLE_ENDIAN
    (machine,) = struct.unpack_from("<H" if little else ">H", header, 18)
    name = _MACHINES.get((machine, header[4]))
    return f"{name}le" if name == "ppc64" and little else name


def read_elf(stream: BinaryIO) -> Elf:
    """The headers of the file. Raises NotElfError where it is none, or cut off within its headers."""
    header = _read(stream, 0, 64)
    machine = machine_of(header)
    if not header.startswith(MAGIC):
        raise NotElfError("no ELF program")
    if machine is None or len(header) < (64 if header[4] == CLASS_64 else 52):
        raise NotElfError("an ELF file for an unknown machine, or a damaged one")
    reader = _Reader(stream, header)
    (kind,) = struct.unpack_from(f"{reader.order}H", header, 16)
    if kind not in TYPES_THAT_RUN:
        raise NotElfError("an ELF file that is no program")
    return reader.read(machine)


class _Reader:
    """One file, of one class and one order of bytes."""

    def __init__(self, stream: BinaryIO, header: bytes) -> None:
        self._stream = stream
        self._header = header
        self.order = "<" if header[5] == LITTLE_ENDIAN else ">"
        self._wide = header[4] == CLASS_64

    def read(self, machine: str) -> Elf:
        segments = self._segments()
        loads = [one for one in segments if one.kind == PT_LOAD]
        if not loads:
            raise NotElfError("an ELF file without anything to load")
        interpreter = next(
            (self._name(one.offset, one.size) for one in segments if one.kind == PT_INTERP), None
        )
        end = max(one.offset + one.size for one in loads)
        dynamic = next((one for one in segments if one.kind == PT_DYNAMIC), None)
        tags = self._dynamic(dynamic) if dynamic is not None else []
        names = {tag: self._strings(tags, tag, loads) for tag in (DT_NEEDED, DT_RPATH, DT_RUNPATH)}
        return Elf(
            machine,
            interpreter,
            names[DT_NEEDED],
            _directories(names[DT_RPATH]),
            _directories(names[DT_RUNPATH]),
            end,
        )

    def _segments(self) -> list[_Segment]:
        layout, sizes = ("Q", 54) if self._wide else ("I", 42)
        (table,) = struct.unpack_from(f"{self.order}{layout}", self._header, 32 if self._wide else 28)
        each, count = struct.unpack_from(f"{self.order}HH", self._header, sizes)
        if not 1 <= count <= MAX_SEGMENTS or each != (56 if self._wide else 32):
            raise NotElfError("an ELF file with a damaged header")
        raw = _read(self._stream, table, each * count)
        if len(raw) != each * count:
            raise NotElfError("an ELF file that is cut off")
        return [self._segment(raw, at) for at in range(0, len(raw), each)]

    def _segment(self, raw: bytes, at: int) -> _Segment:
        if self._wide:
            kind, _, offset, address, _, size = struct.unpack_from(f"{self.order}IIQQQQ", raw, at)
        else:
            kind, offset, address, _, size = struct.unpack_from(f"{self.order}IIIII", raw, at)
        return _Segment(kind, offset, address, size)

    def _dynamic(self, segment: _Segment) -> list[tuple[int, int]]:
        raw = _read(self._stream, segment.offset, min(segment.size, MAX_DYNAMIC_BYTES))
        layout = struct.Struct(f"{self.order}{'qQ' if self._wide else 'iI'}")
        whole = len(raw) // layout.size * layout.size
        tags: list[tuple[int, int]] = []
        for tag, value in layout.iter_unpack(raw[:whole]):
            if tag == 0:
                break
            tags.append((tag, value))
        return tags

    def _strings(self, tags: list[tuple[int, int]], wanted: int, loads: list[_Segment]) -> tuple[str, ...]:
        address = next((value for tag, value in tags if tag == DT_STRTAB), None)
        places = [value for tag, value in tags if tag == wanted][:MAX_NEEDED]
        if address is None or not places:
            return ()
        home = next((one for one in loads if one.address <= address < one.address + one.size), None)
        if home is None:
            raise NotElfError("an ELF file with a damaged dynamic section")
        start = address - home.address + home.offset
        return tuple(self._name(start + place, MAX_NAME_BYTES) for place in places)

    def _name(self, offset: int, limit: int) -> str:
        raw = _read(self._stream, offset, min(limit, MAX_NAME_BYTES)).split(b"\0")[0]
        return raw.decode("utf-8", "surrogateescape")


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    if offset >= 1 << 63:
        raise NotElfError("an ELF file with a damaged header")
    try:
        stream.seek(offset)
        return stream.read(length)
    except (OSError, ValueError, OverflowError) as error:
        raise GuestReadError(f"an ELF file cannot be read: {error}") from error


def _directories(lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for one in lists for part in one.split(":") if part)
