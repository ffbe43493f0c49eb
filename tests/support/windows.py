"""A Windows guest in memory: hives written by hivex, and files beside them."""

import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from support.fixtures import FIXTURES
from support.guest_tree import guest_tree

sys.path.insert(0, str(FIXTURES / "recipe"))

from hives import EXPAND_SZ, Keys, Value, write_hive

from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.hives import Hives

CONFIG = "/Windows/System32/config"
SERVICES = r"ControlSet001\Services"
DATABASE = r"DriverDatabase\DeviceIds\PCI"
SELECT: dict[str, dict[str, Value]] = {"Select": {"Current": 1}}


def hive(keys: Keys) -> bytes:
    """The file of a hive with these keys."""
    return _hive(tuple((key, tuple(values.items())) for key, values in keys.items()))


@cache
def _hive(keys: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...]) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "HIVE"
        write_hive(path, {key: dict(values) for key, values in keys})
        return path.read_bytes()


def service(path: str, start: int | None = 3) -> dict[str, Value]:
    """The values of a service's key."""
    values: dict[str, Value] = {"ImagePath": (EXPAND_SZ, path)}
    return values if start is None else {**values, "Start": start}


def guest(
    system: Keys | bytes | None = None,
    software: Keys | None = None,
    drivers: Keys | None = None,
    files: Mapping[str, bytes] | None = None,
) -> GuestTree:
    """A system with these hives; SYSTEM gets its Select, and one given as bytes is taken as it is."""
    found: dict[str, bytes] = dict(files or {})
    found[f"{CONFIG}/SYSTEM"] = system if isinstance(system, bytes) else hive({**SELECT, **(system or {})})
    if software is not None:
        found[f"{CONFIG}/SOFTWARE"] = hive(software)
    if drivers is not None:
        found[f"{CONFIG}/DRIVERS"] = hive(drivers)
    return guest_tree(found)


def hives(tree: GuestTree) -> Hives:
    """The same, opened."""
    return Hives(tree)
