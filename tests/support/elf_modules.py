"""Modules of SYSLINUX, as Debian's package has them."""

import sys
from collections.abc import Sequence

from support.fixtures import FIXTURES

sys.path.insert(0, str(FIXTURES / "recipe"))

from loaders import com32_module as module

__all__ = ["module", "modules"]


def modules(directory: str, names: Sequence[str] = ("ldlinux", "menu", "libutil")) -> dict[str, bytes]:
    """Those of the names, in `directory`."""
    needs = {"menu": ("libutil",), "vesamenu": ("libcom32", "libutil"), "libcom32": ()}
    return {
        f"{directory}/{name}.c32": module(*(f"{one}.c32" for one in needs.get(name, ()))) for name in names
    }
