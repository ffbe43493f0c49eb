"""The files of one file system as a boot loader finds them: not where the guest mounts them."""

import itertools

from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.filesystems.base import GuestReadError, Kind
from imgtool.guest.mounts import Device
from imgtool.guest.tree import GuestTree

MAX_NAMES = 20_000
"""Names of one directory that are looked at."""
MAX_PATH_CHARACTERS = 4096


class LoaderFiles:
    """Finds files by paths from the top, `/` between the names, links followed inside of this file system.

    FAT is searched without regard to case.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._top = device.filesystem.root()
        self._tree = GuestTree({"/": self._top})

    def find(self, path: str) -> LoaderFile | None:
        """The regular file at `path`; None where there is none."""
        found = self.lookup(path)
        return found if found is not None and found.node.kind is Kind.FILE else None

    def lookup(self, path: str) -> LoaderFile | None:
        """Whatever is at `path`, with the path that remains when links are followed; None: nothing."""
        resolved = self._tree.resolve(path) if len(path) <= MAX_PATH_CHARACTERS else None
        if resolved is None:
            return None
        node = self._top
        for name in filter(None, resolved.split("/")):
            below = node.child(name)
            if below is None:
                return None
            node = below
        return LoaderFile(self.device, resolved, node)

    def names(self, path: str) -> list[str]:
        """The names in the directory `path`, as the file system lists them; none where it is not there."""
        found = self.lookup(path)
        if found is None or found.node.kind is not Kind.DIRECTORY:
            return []
        names = [name for name, _ in itertools.islice(found.node.children(), MAX_NAMES + 1)]
        if len(names) > MAX_NAMES:
            raise GuestReadError(f"{found}: more than {MAX_NAMES} entries")
        return names

    def read(self, path: str, limit_bytes: int) -> bytes | None:
        """The content of the file `path`; None where there is none, GuestReadError where it is larger."""
        found = self.find(path)
        return None if found is None else read_whole(found, limit_bytes)


def read_whole(file: LoaderFile, limit_bytes: int) -> bytes:
    """The content of `file`. Raises GuestReadError where it has more than `limit_bytes`."""
    content = file.open().read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise GuestReadError(f"{file}: larger than {limit_bytes} bytes")
    return content
