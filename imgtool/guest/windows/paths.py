"""From a path as the registry writes it to a path in the guest's tree."""

import ntpath
import posixpath
import re

_DRIVE = re.compile(r"^(?:\\\?\?\\|\\\\\?\\)?[A-Za-z]:\\")
_SYSTEM_ROOT = re.compile(r"^(?:\\?SystemRoot|%SystemRoot%|%windir%)\\", re.IGNORECASE)
_PROGRAM_FILES = re.compile(r"^%ProgramFiles%\\", re.IGNORECASE)
_OPTIONS = re.compile(r'^"([^"]*)"\s*(.*)$|^(.*?\.(?:exe|sys))(?:\s+(.*))?$', re.IGNORECASE)


def driver_path(image_path: str | None, service: str) -> str:
    r"""The guest path of a driver's file by its ImagePath; without one, System32\drivers\SERVICE.sys.

    Sources: ServiceBinary in INF files, and what the I/O manager does with a relative path.
    """
    return guest_path(image_path or rf"System32\drivers\{service}.sys")


def command_parts(image_path: str) -> tuple[str, str]:
    """The guest path of a service's program, and its options."""
    found = _OPTIONS.match(image_path.strip())
    if found is None:
        return guest_path(image_path), ""
    program, options = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    return guest_path(program), options or ""


def guest_path(path: str) -> str:
    """A path on the drive of the system: relative ones start at Windows, drive letters are taken off."""
    path = path.strip()
    if _SYSTEM_ROOT.match(path):
        path = _SYSTEM_ROOT.sub(lambda _: "\\Windows\\", path)
    elif _PROGRAM_FILES.match(path):
        path = _PROGRAM_FILES.sub(lambda _: "\\Program Files\\", path)
    elif _DRIVE.match(path):
        path = _DRIVE.sub(lambda _: "\\", path)
    elif not path.startswith("\\"):
        path = f"\\Windows\\{path}"
    return posixpath.normpath(ntpath.normpath(path).replace("\\", "/"))
