"""The descriptor of an OVA: which of the files beside it are disks.

Source: DMTF DSP0243, "Open Virtualization Format Specification", 7.1 (references) and 9.1 (disks). Elements
and attributes are known by their names in any namespace: VMware, VirtualBox and oVirt use several.
"""

from collections.abc import Mapping
from typing import NamedTuple
from xml.parsers import expat

from imgtool.errors import ImageUnreadableError, ImgtoolError, UnsafeImageError
from imgtool.util.text import printable

MAX_BYTES = 1 << 20
MAX_FILES = 512
MAX_DEPTH = 100
"""Of elements in each other."""
_SECTIONS = frozenset({"DiskSection", "Section"})
"""oVirt writes `Section`, and its type as an attribute."""
_AS_IT_IS = frozenset({"", "identity"})


class OvfDisk(NamedTuple):
    """A disk that has a file."""

    href: str
    problem: str
    """Why it cannot be read as it stands in the archive; empty where it can."""


class _File(NamedTuple):
    href: str
    problem: str


def read_disks(content: bytes) -> list[OvfDisk]:
    """The disks that the descriptor names, each file once. Raises UnsafeImageError where it has a document
    type, whose entities can name files and grow without bounds; ImageUnreadableError where it is no XML."""
    reader = _Reader()
    reader.parse(content)
    found = [_disk(attributes, reader.files) for attributes in reader.disks]
    return list(dict.fromkeys(disk for disk in found if disk is not None))


def _disk(attributes: Mapping[str, str], files: Mapping[str, _File]) -> OvfDisk | None:
    reference = _value(attributes, "fileRef")
    if not reference:
        return None  # an empty disk
    file = files.get(reference)
    if file is None:
        raise ImageUnreadableError(f"its OVF has a disk whose file, {_shown(reference)}, is not in its list")
    if _value(attributes, "parentRef"):
        return OvfDisk(file.href, "it has only what differs from another disk")
    return OvfDisk(*file)


class _Reader:
    """What matters of the document: the attributes of its File and Disk elements."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.disks: list[Mapping[str, str]] = []
        self._above: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def parse(self, content: bytes) -> None:
        try:
            self._parser.Parse(content, True)  # noqa: FBT003 - it takes no names
        except ImgtoolError:
            raise
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise ImageUnreadableError(f"its OVF is damaged: {printable(str(error))[:200]}") from error

    def _refuse_doctype(self, *_: object) -> None:
        raise UnsafeImageError("its OVF has a document type, which can name files of this host")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name, above = _local(name), self._above
        above.append(name)
        if len(above) > MAX_DEPTH:
            raise UnsafeImageError(f"its OVF has elements {MAX_DEPTH} deep in each other")
        if above == ["Envelope", "References", "File"]:
            self._add_file(attributes)
        elif above[0] == "Envelope" and above[1:] in [[section, "Disk"] for section in _SECTIONS]:
            self.disks.append(attributes)
        if len(self.files) + len(self.disks) > 2 * MAX_FILES:
            raise UnsafeImageError(f"its OVF has more than {MAX_FILES} files or disks")

    def _end(self, _name: str) -> None:
        self._above.pop()

    def _add_file(self, attributes: Mapping[str, str]) -> None:
        identity = _value(attributes, "id")
        if identity in self.files:
            raise UnsafeImageError(f"its OVF has two files of the id {_shown(identity)}")
        self.files[identity] = _File(_value(attributes, "href"), _file_problem(attributes))


def _file_problem(attributes: Mapping[str, str]) -> str:
    compression = _value(attributes, "compression")
    if compression not in _AS_IT_IS:
        return f"it is compressed in the archive ({_shown(compression)})"
    return "it is in several pieces" if _value(attributes, "chunkSize") else ""


def _local(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition(" ")[2]


def _value(attributes: Mapping[str, str], name: str) -> str:
    values = {value for key, value in attributes.items() if _local(key) == name}
    if len(values) > 1:
        raise UnsafeImageError(f"its OVF has an element with two values of {name}")
    return next(iter(values), "")


def _shown(text: str) -> str:
    return f"'{printable(text[:200])}'"
