"""Whether cloud-init's program can be started: its interpreter, and its package of Python as far as Nova
needs it.

Source: Python's site.py and sysconfig (where packages are), cloud-init's cmd/main.py and stages.py (what is
imported). Only what is plainly broken counts: a module that is not there, has no bytes, has NUL bytes in it
or ends in the middle of a line.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator

from imgtool.guest.cloud_init.imports import Imports
from imgtool.guest.exec_command import split_words
from imgtool.guest.systemd import unit_settings
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

BINARIES = ("/usr/bin/cloud-init", "/usr/local/bin/cloud-init", "/usr/sbin/cloud-init")
UNITS = ("cloud-init.service", "cloud-init-local.service", "cloud-init-main.service")
MAX_MODULE_BYTES = 1 << 20
MAX_SHEBANG_BYTES = 256

PACKAGE = "cloudinit"
READ = (
    "cmd/main.py",
    "stages.py",
    "util.py",
    "sources/__init__.py",
    "sources/DataSourceOpenStack.py",
    "sources/DataSourceConfigDrive.py",
    "sources/helpers/openstack.py",
)
"""Modules whose end is looked at: without one of them nothing comes from Nova."""
NEEDED = (
    "__init__.py",
    "settings.py",
    "helpers.py",
    "importer.py",
    "url_helper.py",
    "mergers/__init__.py",
    "distros/__init__.py",
    "handlers/__init__.py",
    "config/cc_ssh.py",
    "config/cc_users_groups.py",
)
"""Modules that are looked for."""
OTHERS = ("yaml", "requests")
"""Packages of others that cloud-init does not start without."""

_VERSION = re.compile(r"python3\.(\d{1,2})")
_WITHOUT_CONTENT = frozenset({"__init__.py"})


def binaries(tree: GuestTree) -> tuple[str, ...]:
    """Where its program may be: where distributions put it, and what its units start (NixOS' store)."""
    return tuple(dict.fromkeys((*BINARIES, *_started(tree))))


def _started(tree: GuestTree) -> Iterator[str]:
    for unit in UNITS:
        for _, key, value in unit_settings(tree, unit):
            words = split_words(value) if key == "ExecStart" else []
            path = words[0].lstrip("-@:+!|") if words else ""
            if path.startswith("/") and posixpath.basename(path) == "cloud-init":
                yield path


def ignores_case(tree: GuestTree) -> bool:
    """Whether this version takes the names of datasources in any case of letters: 23.1 and later."""
    program = next((path for path in binaries(tree) if tree.is_file(path)), None)
    interpreter = None if program is None else _interpreter(tree, program)
    if interpreter is None:
        return False
    for directory in _directories(tree, _minor(tree, interpreter)):
        path = f"{directory}/{PACKAGE}/importer.py"
        if tree.is_file(path):
            return b"match_case_insensitive_module_name" in (tree.read_bytes(path, MAX_MODULE_BYTES) or b"")
    return False


def code_obstacle(tree: GuestTree, program: str) -> str | None:
    """What in its package keeps `program` from working; None where nothing does, or where it is no Python."""
    interpreter = _interpreter(tree, program)
    if interpreter is None:
        return None
    minor = _minor(tree, interpreter)
    directories = list(dict.fromkeys(_directories(tree, minor)))
    without_encodings = _cannot_start(tree, minor)
    if without_encodings:
        return without_encodings
    package = next((d for d in directories if tree.is_directory(f"{d}/{PACKAGE}")), None)
    if package is None:
        return _not_importable(tree, minor)
    imports = Imports(tree, f"{package}/{PACKAGE}", [*_library(tree, minor), *directories])
    seeds = (
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in (*READ, *NEEDED)
    )
    found = next(_broken(tree, f"{package}/{PACKAGE}"), None) or next(imports.missing(seeds), None)
    if found is not None:
        return found
    missing = next((name for name in OTHERS if not _importable(tree, directories, name)), None)
    return (
        None if missing is None else f"Python's package {missing}, which cloud-init imports, is not installed"
    )


def package_directory(tree: GuestTree) -> str | None:
    """Where cloud-init's package of Python is; None where there is none."""
    program = next((path for path in binaries(tree) if tree.is_file(path)), None)
    interpreter = None if program is None else _interpreter(tree, program)
    if interpreter is None:
        return None
    holder = _holder(tree, _directories(tree, _minor(tree, interpreter)))
    return None if holder is None else f"{holder}/{PACKAGE}"


def _holder(tree: GuestTree, directories: Iterable[str]) -> str | None:
    return next((one for one in directories if tree.is_directory(f"{one}/{PACKAGE}")), None)


def _interpreter(tree: GuestTree, program: str) -> str | None:
    stream = tree.open(program)
    head = stream.read(MAX_SHEBANG_BYTES) if stream is not None else b""
    if not head.startswith(b"#!"):
        return None
    words = head[2:].split(b"\n", 1)[0].decode("utf-8", "replace").split()
    python = next((word for word in words if "python" in posixpath.basename(word)), None)
    if python is None:
        return None
    return python if python.startswith("/") else f"/usr/bin/{python}"


def _minor(tree: GuestTree, interpreter: str) -> str | None:
    """The minor version of the Python that runs: by the file that the links lead to."""
    found = _VERSION.search(posixpath.basename(tree.resolve(interpreter) or interpreter))
    return None if found is None else found[1]


def _directories(tree: GuestTree, minor: str | None) -> Iterator[str]:
    """Where this Python looks for packages; of any version where its own is not known."""
    for prefix in ("/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64"):
        names = tree.names(prefix) if minor is None else (f"python3.{minor}",)
        for name in names:
            if _VERSION.fullmatch(name):
                yield f"{prefix}/{name}/site-packages"
                yield f"{prefix}/{name}/dist-packages"
        yield f"{prefix}/python3/dist-packages"


def _library(tree: GuestTree, minor: str | None) -> list[str]:
    """Where this Python's own library is."""
    places = (f"{prefix}/python3.{minor}" for prefix in ("/usr/local/lib", "/usr/lib", "/usr/lib64"))
    return [place for place in places if tree.is_file(f"{place}/os.py")]


def _cannot_start(tree: GuestTree, minor: str | None) -> str:
    """Why Python itself does not start: it imports `encodings` before anything else; pylifecycle.c."""
    library = _library(tree, minor)
    lacks = not any(
        tree.exists(f"{one}/encodings") or tree.exists(f"{one}/../python3{minor}.zip") for one in library
    )
    return f"{library[0]}/encodings is not there, so that Python does not start" if library and lacks else ""


def _not_importable(tree: GuestTree, minor: str | None) -> str | None:
    """Said where Python itself is there: without its own library, something else is wrong first."""
    library = next(
        (d for d in ("/usr/lib", "/usr/lib64") if tree.is_file(f"{d}/python3.{minor}/os.py")), None
    )
    if minor is None or library is None:
        return None
    return f"Python 3.{minor} finds no package {PACKAGE} in {library}/python3.{minor} and beside it"


def _broken(tree: GuestTree, package: str) -> Iterator[str]:
    for name in (*NEEDED, *READ):
        path = f"{package}/{name}"
        if tree.is_file(path):
            if tree.size_bytes(path) == 0 and posixpath.basename(name) not in _WITHOUT_CONTENT:
                yield f"{printable(path)} has no bytes"
        elif not _compiled(tree, path):
            yield f"{printable(path)} is not there"
    for name in READ:
        problem = _damage(tree, f"{package}/{name}")
        if problem is not None:
            yield problem


def _compiled(tree: GuestTree, path: str) -> bool:
    return tree.is_file(f"{path}c")


def _damage(tree: GuestTree, path: str) -> str | None:
    if not tree.is_file(path):
        return None
    content = tree.read_bytes(path, MAX_MODULE_BYTES) or b""
    if b"\0" in content:
        return f"{printable(path)} has NUL bytes in it: it is damaged"
    if content and not content.endswith(b"\n"):
        return f"{printable(path)} ends in the middle of a line: it was cut off"
    return None


def _importable(tree: GuestTree, directories: list[str], name: str) -> bool:
    return any(tree.exists(f"{d}/{name}") or tree.is_file(f"{d}/{name}.py") for d in directories)
