"""What cloud-init's modules import before they do anything, and what of it is not there.

Source: Python's import statement. Only lines that begin at the margin count: what stands in `try` or in a
function may be missing. A name out of a module has to be written somewhere in that module.
"""

import posixpath
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

PACKAGE = "cloudinit"
MAX_MODULES = 400
EGGS = (".egg", ".egg-link")
MAX_MODULE_BYTES = 1 << 20
_REMOVED = {"imp", "asynchat", "asyncore", "distutils", "smtpd", "cgi", "crypt", "pipes"}
LIBRARY = sys.stdlib_module_names | _REMOVED
"""Python's own, also of older ones."""
PURE = frozenset(
    {
        *("argparse", "base64", "calendar", "collections", "configparser", "contextlib", "copy"),
        *("datetime", "email", "enum", "functools", "getpass", "glob", "gzip", "hashlib", "http"),
        *("inspect", "ipaddress", "json", "logging", "pathlib", "queue", "random", "re", "shutil"),
        *("signal", "socket", "socketserver", "string", "struct", "subprocess", "tempfile"),
        *("textwrap", "threading", "traceback", "types", "typing", "urllib", "uuid"),
    }
)
"""Those of it that are always files of Python."""
_IMPORT = re.compile(
    r"^(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))", re.MULTILINE
)


class Imports:
    """The imports of one package, followed from some of its modules."""

    def __init__(self, tree: GuestTree, place: str, directories: Sequence[str]) -> None:
        """`place`: where the package is; `directories`: where Python looks for others."""
        self._tree = tree
        self._place = place
        self._directories = directories
        self._texts: dict[str, str | None] = {}
        self._listed: dict[str, frozenset[str]] = {}

    @cached_property
    def _has_library(self) -> bool:
        """Whether Python's own library is in one of the directories."""
        return any(self._tree.is_file(f"{one}/os.py") for one in self._directories)

    def missing(self, modules: Iterable[str]) -> Iterator[str]:
        """Yield what is missing of all that these modules (`cmd.main`) import, in clauses."""
        pending = deque(modules)
        seen = set(pending)
        while pending and len(seen) < MAX_MODULES:
            module = pending.popleft()
            for name, wanted in _imported(self._text(module) or ""):
                if name.partition(".")[0] != PACKAGE:
                    yield from self._of_others(name, module)
                    continue
                inner = name.partition(".")[2]
                yield from self._lost(inner, wanted, module)
                more = [inner, *(_joined(inner, one) for one in wanted)]
                fresh = [one for one in more if one and one not in seen and self._path(one) is not None]
                seen.update(fresh)
                pending.extend(fresh)

    def _lost(self, module: str, wanted: Sequence[str], by: str) -> Iterator[str]:
        """What of `from module import wanted` fails."""
        path = self._path(module)
        if path is None:
            yield f"{printable(self._file(module))} is not there, which {printable(by)} imports"
            return
        text = self._text(module)
        for name in wanted if text is not None else ():
            if name not in (text or "") and self._path(_joined(module, name)) is None:
                yield f"{printable(path)} has no {name}, which {printable(by)} imports from it"

    def _of_others(self, name: str, by: str) -> Iterator[str]:
        top = name.partition(".")[0]
        own = top in LIBRARY and not (top in PURE and self._has_library)
        if top and not own and not self.is_importable(top):
            shown = f"Python's package {printable(top)}, which cloud-init imports"
            yield f"{shown} ({printable(by)}), is not installed"

    def is_importable(self, name: str) -> bool:
        """Whether Python finds a package or module of that name; eggs are not looked into."""
        for directory in self._directories:
            names = self._names(directory)
            if name in names or f"{name}.py" in names:
                return True
            if any(entry.startswith(f"{name}.") or entry.endswith(EGGS) for entry in names):
                return True
        return False

    def _file(self, module: str) -> str:
        return posixpath.join(self._place, f"{module.replace('.', '/')}.py")

    def _path(self, module: str) -> str | None:
        """The file of a module, compiled or not, or of a package; the package itself without a name."""
        if not module:
            return self._package(self._place)
        folder, name = posixpath.split(module.replace(".", "/"))
        above = posixpath.join(self._place, folder) if folder else self._place
        names = self._names(above)
        found = next((one for one in (f"{name}.py", f"{name}.pyc") if one in names), None)
        if found is None and name in names:
            return self._package(posixpath.join(above, name))
        return posixpath.join(above, found) if found is not None else None

    def _package(self, place: str) -> str:
        names = self._names(place)
        found = next((one for one in ("__init__.py", "__init__.pyc") if one in names), "")
        return posixpath.join(place, found) if found else place

    def _names(self, directory: str) -> frozenset[str]:
        if directory not in self._listed:
            self._listed[directory] = frozenset(self._tree.names(directory))
        return self._listed[directory]

    def _text(self, module: str) -> str | None:
        """The source of a module; None where it is not known."""
        if module not in self._texts:
            path = self._path(module)
            stream = self._tree.open(path) if path is not None and path.endswith(".py") else None
            content = stream.read(MAX_MODULE_BYTES) if stream is not None else None
            self._texts[module] = None if content is None else content.decode("utf-8", "replace")
        return self._texts[module]


def _joined(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _imported(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each module that is imported, with the names that are taken out of it."""
    for found in _IMPORT.finditer(text):
        if found[3] is not None:
            yield from ((part.split()[0], ()) for part in found[3].split(",") if part.split())
        elif not found[1].startswith("."):
            names = re.sub(r"#[^\n]*", "", found[2]).strip("()").replace("\\", " ").split(",")
            words = (name.split() for name in names)
            yield found[1], tuple(one[0] for one in words if one and one[0].isidentifier())
