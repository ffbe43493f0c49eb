"""The hives of one Windows system, opened once, and the control set that it boots with."""

from collections.abc import Callable
from functools import cache

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.locate import CONFIG
from imgtool.guest.windows.registry import Key, open_hive, unwritten_changes

MAX_CONTROL_SET = 999


class Hives:
    """SYSTEM, SOFTWARE and DRIVERS. One that is damaged says so each time it is asked for."""

    def __init__(self, tree: GuestTree) -> None:
        self._tree = tree
        self._open: Callable[[str], Key | None] = cache(lambda name: open_hive(tree, f"{CONFIG}/{name}"))

    def system(self) -> Key:
        """The root of the hive that is HKLM\\SYSTEM."""
        return self._needed("SYSTEM")

    def software(self) -> Key:
        """The root of the hive that is HKLM\\SOFTWARE."""
        return self._needed("SOFTWARE")

    def drivers(self) -> Key | None:
        """The root of HKLM\\DRIVERS: the database of drivers that the boot does not need (from Windows 8)."""
        return self._open("DRIVERS")

    def control_set(self) -> Key:
        """The key of the control set that Select\\Current names."""
        system = self.system()
        select = system.key("Select")
        number = select.number("Current") if select is not None else None
        if number is None or not 0 < number <= MAX_CONTROL_SET:
            raise GuestReadError("SYSTEM: Select\\Current names no control set")
        found = system.key(f"ControlSet{number:03}")
        if found is None:
            raise GuestReadError(f"SYSTEM has no ControlSet{number:03}, which Select\\Current names")
        return found

    def service(self, name: str) -> Key | None:
        """The key of a service or driver."""
        return self.control_set().key(f"Services\\{name}")

    def evidence(self, text: str, hive: str = "SYSTEM") -> str:
        """`text`, and what could make it doubtful: changes in the logs of the hive."""
        doubt = unwritten_changes(self._tree, f"{CONFIG}/{hive}")
        return text if doubt is None else f"{text} ({doubt})"

    def _needed(self, name: str) -> Key:
        root = self._open(name)
        if root is None:
            raise GuestReadError(f"{CONFIG}/{name} is not there")
        return root
