"""What libmagic says of the first bytes: is it compressed, or no disk at all?"""

import ctypes.util
import importlib
from functools import cache
from types import ModuleType
from typing import Any

from imgtool.errors import ImageUnreadableError, ToolMissingError
from imgtool.formats.headers import SNIFFED_BYTES
from imgtool.util import install
from imgtool.util.text import printable

_NOTHING_KNOWN = "application/octet-stream"
"""libmagic's word for any other bytes."""

_WRAPPERS = {
    "application/gzip": "gzip",
    "application/x-gzip": "gzip",
    "application/x-xz": "xz",
    "application/zstd": "zstd",
    "application/x-zstd": "zstd",
    "application/x-bzip2": "bzip2",
}

_NOT_DISKS = frozenset(
    {
        "application/java-archive",
        "application/json",
        "application/pdf",
        "application/postscript",
        "application/rtf",
        "application/vnd.debian.binary-package",
        "application/vnd.microsoft.portable-executable",
        "application/vnd.sqlite3",
        "application/x-7z-compressed",
        "application/x-archive",
        "application/x-coredump",
        "application/x-cpio",
        "application/x-dosexec",
        "application/x-executable",
        "application/x-lz4",
        "application/x-lzip",
        "application/x-lzma",
        "application/x-ndjson",
        "application/x-object",
        "application/x-pie-executable",
        "application/x-rar",
        "application/x-rpm",
        "application/x-sharedlib",
        "application/x-shellscript",
        "application/x-tar",
        "application/zip",
    }
)
"""Types with signatures that are long enough to be no accident in a disk's first sector."""

_CERTAIN_BEGINNINGS = {
    "application/gzip": (b"\x1f\x8b\x08",),
    "application/x-gzip": (b"\x1f\x8b\x08",),
    "application/postscript": (b"%!PS",),
    "application/x-cpio": (b"0707",),
    "application/x-dosexec": (b"MZ",),
    "application/x-object": (b"\x7fELF",),
}
"""libmagic takes these types from one or two bytes as well: a .COM program is any file that begins with a
jump, which one disk of random bytes in a hundred does. Only the longer signatures count."""

_TAR = "application/x-tar"
_HINTS = {
    _TAR: "an OVA or a container is a tar archive: extract it, and give the disk inside",
    "application/zip": "extract it, and give the disk inside",
    "application/x-7z-compressed": "extract it, and give the disk inside",
    "application/x-rar": "extract it, and give the disk inside",
    "application/x-lz4": "unpack it first: lz4 -d SOURCE TARGET",
    "application/x-lzip": "unpack it first: lzip -dc SOURCE > TARGET",
    "application/x-lzma": "unpack it first: xz --format=lzma -dc SOURCE > TARGET",
    "text/html": "the server answered with a web page in place of the image: check the URL",
}


def wrapper_of(prefix: bytes) -> str | None:
    """gzip, xz, zstd or bzip2 where the content is compressed so, else None."""
    return _WRAPPERS.get(_mime_type(prefix))


def is_tar(prefix: bytes) -> bool:
    """Whether the content is a tar archive."""
    return _mime_type(prefix) == _TAR


def refuse_other_content(prefix: bytes) -> None:
    """Raise ImageUnreadableError for text, documents, archives and programs."""
    mime_type = _mime_type(prefix)
    if not mime_type.startswith("text/") and mime_type not in _NOT_DISKS:
        return
    description = printable(str(_magic().from_buffer(prefix[:SNIFFED_BYTES])))[:200]
    # libmagic gives text/plain as the type of some file systems that it knows by name only.
    if mime_type.startswith("text/") and not any(word in description for word in ("text", "script")):
        return
    hint = _HINTS.get(mime_type, "give a disk image; if this really is the content of a disk, add -f raw")
    raise ImageUnreadableError(f"not a disk image: it is {description}", hint=hint)


def load() -> None:
    """Have libmagic read its database now. Raises ToolMissingError."""
    _magic(mime=True)
    _magic()


def library_version() -> str:
    """The version of libmagic, as in 5.44. Raises ToolMissingError."""
    major, minor = divmod(int(_library().version()), 100)
    return f"{major}.{minor:02}"


def _mime_type(prefix: bytes) -> str:
    found = str(_magic(mime=True).from_buffer(prefix[:SNIFFED_BYTES]))
    certain = _CERTAIN_BEGINNINGS.get(found)
    return found if certain is None or prefix.startswith(certain) else _NOTHING_KNOWN


@cache
def _magic(*, mime: bool = False) -> Any:
    return _library().Magic(mime=mime)


@cache
def _library() -> ModuleType:
    """Load python-magic, which would run ldconfig(8) to find libmagic: that takes as long as all else here.

    Where nothing is found it tries the library's usual name.
    """
    look = ctypes.util.find_library
    ctypes.util.find_library = lambda name: None
    try:
        return importlib.import_module("magic")
    except ImportError as error:
        message = "libmagic is not installed; it is needed to tell what a file is"
        raise ToolMissingError(message, hint=install.command("libmagic1")) from error
    finally:
        ctypes.util.find_library = look
