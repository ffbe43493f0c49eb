"""Which values of a module's parameters the kernel refuses, and with them the module.

Sources: kernel/params.c (parse_one, STANDARD_PARAM_DEF, param_set_bool), lib/kstrtox.c (kstrtobool,
kstrtoint), kernel/module/main.c: a value that is refused ends load_module, a parameter that is not known is
only told of. The types stand in the module's .modinfo as `parmtype=NAME:TYPE`, where modinfo -p finds them.
"""

import re
from collections.abc import Iterable, Mapping

from imgtool.guest.kernel_command_line import Option

_TYPE = re.compile(rb"(?<=\0)parmtype=([A-Za-z0-9_]{1,64}):([a-z ]{1,32})(?=\0)")
_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]{1,32}|0[0-7]{0,32}|[1-9][0-9]{0,32})\n?")
_BITS = {
    "byte": (0, 8),
    "short": (-15, 15),
    "ushort": (0, 16),
    "int": (-31, 31),
    "uint": (0, 32),
    "hexint": (0, 32),
    "long": (-63, 63),
    "ulong": (0, 64),
    "ullong": (0, 64),
}
"""The bits of the least and of the greatest number of each type."""
SWITCHES = frozenset({"bool", "invbool"})
MAX_PARAMETERS = 500


def parameter_types(module: bytes) -> dict[str, str]:
    """Parameter to type, of the module whose whole file this is."""
    found = _TYPE.findall(module)[:MAX_PARAMETERS]
    return {name.decode(): kind.decode() for name, kind in found}


def refused_value(options: Iterable[Option], types: Mapping[str, str]) -> Option | None:
    """The first of these that the kernel refuses; what is no parameter of the module it passes over."""
    for option in options:
        kind = types.get(option.key.replace("-", "_"))
        if kind is not None and not _takes(kind, option.value):
            return option
    return None


def switched(value: str | None) -> bool | None:
    """What kstrtobool() makes of a switch's value, and of none at all; None where it refuses that."""
    if value is None or value[:1] in set("yYtT1") or value[:2].lower() == "on":
        return True
    return False if value[:1] in set("nNfF0") or value[:2].lower() == "of" else None


def _takes(kind: str, value: str | None) -> bool:
    if kind in SWITCHES:
        return switched(value) is not None
    if value is None:
        return False
    if kind not in _BITS:
        return True
    found = _NUMBER.fullmatch(value)
    if found is None:
        return False
    base = 16 if found[2][:2].lower() == "0x" else 8 if found[2].startswith("0") else 10
    number = int(found[2], base)
    least, greatest = _BITS[kind]
    if found[1] == "-":
        return least < 0 and number <= 1 << -least
    return number < 1 << greatest
