"""libmagic(3), by ctypes: what `file` says of some bytes.

Not by a package: those look for the library by running ldconfig(8), which takes as long as all else that is
loaded to read a header.
"""

import ctypes

_SONAME = "libmagic.so.1"
_MIME_TYPE = 0x10
_PARAMETER_NAME_MAX = 1
"""How deep the rules of its database may call each other: its default is too little for some files."""
_NAME_MAX = 64
_COOKIE = ctypes.c_void_p


class LibmagicError(Exception):
    """It has no database, or no answer."""


class Libmagic:
    """The library with its database loaded. Raises OSError where it is not installed, LibmagicError."""

    def __init__(self, *, mime: bool = False) -> None:
        self._library = _library()
        self._cookie = self._library.magic_open(_MIME_TYPE if mime else 0)
        if not self._cookie or self._library.magic_load(self._cookie, None) != 0:
            raise LibmagicError(self._error())
        most = ctypes.c_size_t(_NAME_MAX)
        self._library.magic_setparam(self._cookie, _PARAMETER_NAME_MAX, ctypes.byref(most))

    def describe(self, content: bytes) -> str:
        """Say what it is: its MIME type, or in words. Raises LibmagicError."""
        found: bytes | None = self._library.magic_buffer(self._cookie, content, len(content))
        if found is None:
            raise LibmagicError(self._error())
        return found.decode("utf-8", "backslashreplace")  # a title may be in any character set

    def _error(self) -> str:
        said: bytes | None = self._library.magic_error(self._cookie) if self._cookie else None
        return (said or b"libmagic does not say why it failed").decode("utf-8", "backslashreplace")


def version() -> int:
    """The version of the library, 544 for 5.44. Raises OSError where it is not installed."""
    return int(_library().magic_version())


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_SONAME)
    except OSError:
        from ctypes.util import find_library  # noqa: PLC0415 - loads more than all of this

        library = ctypes.CDLL(find_library("magic") or _SONAME)
    library.magic_open.restype = _COOKIE
    library.magic_load.argtypes = (_COOKIE, ctypes.c_char_p)
    library.magic_setparam.argtypes = (_COOKIE, ctypes.c_int, ctypes.c_void_p)
    library.magic_buffer.argtypes = (_COOKIE, ctypes.c_char_p, ctypes.c_size_t)
    library.magic_buffer.restype = ctypes.c_char_p
    library.magic_error.argtypes = (_COOKIE,)
    library.magic_error.restype = ctypes.c_char_p
    return library
