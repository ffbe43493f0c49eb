"""Modules that are imported late: a sandbox can open no file, so imgtool reads their code and sends it.

Most guests need a part of the readers only, and all of them would take half a second to load. What the
sandbox learns in this way is the code of public libraries. Nothing is imported on imgtool's side, nor by the
finders that other packages install: setuptools' imports all of itself where somebody looks for `distutils`.
"""

import importlib.machinery
import marshal
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

LIBRARIES = frozenset({"imgtool", "dissect", "asn1crypto", "yaml", "zstandard", "lz4", "isal", "deflate"})
"""What may be asked for, besides the standard library."""
WARM = (
    "imgtool.guest",
    "asn1crypto",
    "dissect.btrfs",
    "dissect.cstruct",
    "dissect.ntfs",
    "dissect.regf",
    "dissect.util",
    "dissect.xfs",
)
"""Packages of which the next sandbox is likely to need the same modules: slow to import, and harmless."""
PROGRAMS = frozenset({"tools", "_build", "__init__", "__main__"})
"""Names in these packages of what is not there to be imported, or not by this name."""
MAX_MODULES = 1000
"""Asked for by one sandbox: it has 100 at most to ask for."""
MAX_CODE_BYTES = 32 << 20
"""Sent to one sandbox: all that guests need is 3 MiB."""

_FINDERS = (BuiltinImporter, FrozenImporter, PathFinder)
_NAME = re.compile(r"[A-Za-z_]\w{0,63}(\.[A-Za-z_]\w{0,63}){0,9}", re.ASCII)


def code_of(asked: bytes) -> bytes:
    """imgtool's side: the module of this name, marshalled; empty where there is none, or none of Python."""
    name = asked[:700].decode("ascii", "replace")
    if not _NAME.fullmatch(name):
        return b""
    if name.partition(".")[0] not in LIBRARIES | sys.stdlib_module_names:
        return b""
    spec = _find(name)
    if spec is None:
        return b""
    is_package = spec.submodule_search_locations is not None
    if spec.loader is None or (is_package and spec.origin is None):  # a namespace package has no code
        return marshal.dumps((name, is_package, None)) if is_package else b""
    get_code = getattr(spec.loader, "get_code", None)
    code = get_code(name) if get_code is not None else None
    return marshal.dumps((spec.origin or name, is_package, code)) if code is not None else b""


def _find(name: str) -> ModuleSpec | None:
    """Find it as the import system does, but for the import of the packages above."""
    above, _, _ = name.rpartition(".")
    path: Sequence[str] | None = None
    if above:
        package = _find(above)
        if package is None or package.submodule_search_locations is None:
            return None
        path = list(package.submodule_search_locations)
    for finder in _FINDERS:
        found = finder.find_spec(name, path, None)
        if found is not None:
            return found
    return None


@cache
def warmable() -> frozenset[str]:
    """The modules that the server may load for the sandboxes to come: those of WARM that are installed.

    The list is made of the packages' files, once, and nothing that a sandbox says adds to it.
    """
    return frozenset(name for package in WARM for name in _modules_of(package))


def _modules_of(package: str) -> Iterator[str]:
    """The package and all below it that is a file of Python. Nothing is imported."""
    spec = _find(package)
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        yield from _modules_below(Path(folder), package)


def _modules_below(folder: Path, package: str) -> Iterator[str]:
    if not (folder / "__init__.py").is_file():
        return
    yield package
    for entry in os.scandir(folder):
        name = entry.name.removesuffix(".py")
        if name in PROGRAMS or not name.isidentifier():
            continue
        if entry.name != name:
            yield f"{package}.{name}"
        elif entry.is_dir():
            yield from _modules_below(folder / name, f"{package}.{name}")


class Asking:
    """The sandbox's side: the only finder there for what is not loaded yet. `ask`: name to `code_of` it."""

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        self._ask = ask

    def install(self) -> None:
        """Import nothing from files from now on."""
        sys.meta_path[:] = [importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, self]

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The protocol of importlib.abc.MetaPathFinder."""
        content = self._ask(name.encode())
        if not content:
            return None
        origin, is_package, code = marshal.loads(content)  # noqa: S302 - from imgtool, which is trusted here
        spec = ModuleSpec(name, cast("Loader", _Sent(code)), origin=origin, is_package=is_package)
        spec.has_location = code is not None
        return spec


class _Sent:
    """A loader that has the code already."""

    def __init__(self, code: CodeType | None) -> None:
        self._code = code

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        """The usual kind of module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        if self._code is not None:
            exec(self._code, module.__dict__)  # noqa: S102 - that is what importing is
