"""Whether the guest can run a program: execute bits, `#!`, the machine, the loader, all libraries.

Sources: execve(2), ld.so(8), ldconfig(8); for musl its ldso/dynlink.c.
"""

import posixpath
from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatchcase

from imgtool.guest.elf import Elf, NotElfError, read_elf
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_SCRIPTS = 4
"""Scripts that are run by scripts: BINPRM_MAX_RECURSION of Linux."""
MAX_SCRIPT_LINE_BYTES = 256
"""BINPRM_BUF_SIZE: what the kernel reads of a script."""
MAX_OBJECTS = 400
"""Libraries of one program, with those that they need in turn."""
MAX_CONF_BYTES = 64 << 10
MAX_CONF_FILES = 200
MAX_DIRECTORIES = 200
LD_SO_CONF = "/etc/ld.so.conf"
TRUSTED = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
"""Where loaders look without being told: those of glibc (slibdir), and musl's default path."""
TRIPLETS = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "i686": "i386-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "loongarch64": "loongarch64-linux-gnu",
}
"""Debian's directories for libraries of one machine, which its loader has built in."""
ALSO_RUNS = {"x86_64": ("i686",), "aarch64": ("armv7l",)}
"""What a kernel runs besides programs of its own machine."""


class Programs:
    """The programs of one guest. Libraries that were found whole are looked at once."""

    def __init__(self, tree: GuestTree, machine: str | None = None) -> None:
        """`machine`: as `uname -m` says it; None where that is not known, and then every machine will do."""
        self._tree = tree
        self._machine = machine
        self._verdicts: dict[str, str | None] = {}
        self._objects: dict[str, Elf | str] = {}
        self._configured: tuple[str, ...] | None = None

    def obstacle(self, path: str) -> str | None:
        """Why the guest cannot run the program `path`, in a few words with its name; None where it can.

        Raises GuestReadError where that cannot be told.
        """
        if path not in self._verdicts:
            self._verdicts[path] = self._judge(path, 0)
        return self._verdicts[path]

    def files(self, path: str) -> tuple[str, ...]:
        """The program with its loader and all libraries, by the names that the loader looks them up by.

        Raises GuestReadError where it is no binary that the guest can run.
        """
        obstacle, found = self.obstacle(path), self._object(path)
        if obstacle is not None or isinstance(found, str):
            raise GuestReadError(obstacle or f"{printable(path)} is {found}")
        if found.interpreter is None:
            return (path,)
        return (
            path,
            found.interpreter,
            *(place for _, _, place in self._walk(path, found) if place is not None),
        )

    def _judge(self, path: str, depth: int) -> str | None:
        tree, shown = self._tree, printable(path)
        if not tree.is_file(path):
            return f"{shown} is not there" if not tree.exists(path) else f"{shown} is no regular file"
        if not tree.is_executable(path):
            return f"{shown} is not executable"
        stream = tree.open(path)
        head = stream.read(MAX_SCRIPT_LINE_BYTES) if stream is not None else b""
        if not head:
            return f"{shown} has no bytes"
        if head.startswith(b"#!"):
            return self._script(path, head, depth)
        return self._binary(path)

    def _script(self, path: str, head: bytes, depth: int) -> str | None:
        line = head[2:].split(b"\n", 1)[0].strip(b" \t")
        words = line.replace(b"\t", b" ").split(b" ", 1)  # a carriage return belongs to the name
        if not words[0] or depth >= MAX_SCRIPTS:
            return f"{printable(path)} names no interpreter behind #!"
        interpreter = words[0].decode("utf-8", "surrogateescape")
        obstacle = self._judge(interpreter, depth + 1) if interpreter.startswith("/") else None
        return None if obstacle is None else f"{printable(path)} is a script, and {obstacle}"

    def _binary(self, path: str) -> str | None:
        found = self._object(path)
        if isinstance(found, str):
            return f"{printable(path)} is {found}"
        if self._machine is not None and not self._runs(found.machine):
            return f"{printable(path)} is a program for {found.machine}, not {self._machine}"
        if found.interpreter is None:
            return None
        if not self._tree.is_file(found.interpreter):
            return f"{printable(path)} needs {printable(found.interpreter)}, which is not there"
        loader = self._object(found.interpreter)
        if isinstance(loader, str):
            return f"{printable(path)} needs {printable(found.interpreter)}, which is {loader}"
        return self._libraries(path, found)

    def _runs(self, machine: str) -> bool:
        return machine == self._machine or machine in ALSO_RUNS.get(self._machine or "", ())

    def _object(self, path: str) -> Elf | str:
        """The headers of a file, or what is wrong with it."""
        place = self._tree.resolve(path) or path
        if place not in self._objects:
            self._objects[place] = self._read_object(place)
        return self._objects[place]

    def _read_object(self, path: str) -> Elf | str:
        stream = self._tree.open(path)
        if stream is None:
            return "no regular file"
        try:
            elf = read_elf(stream)
        except NotElfError as error:
            return str(error)
        size = self._tree.size_bytes(path)
        return elf if size >= elf.end_bytes else f"cut off: {size} bytes of {elf.end_bytes}"

    def _libraries(self, path: str, program: Elf) -> str | None:
        for user, name, place in self._walk(path, program):
            if place is None:
                needs = "" if user == path else f" (for {printable(posixpath.basename(user))})"
                return f"{printable(path)} needs {printable(name)}{needs}, which is not there"
        return None

    def _walk(self, path: str, program: Elf) -> Iterator[tuple[str, str, str | None]]:
        """Who needs which library, and where that is; breadth first, as the loader goes, each once."""
        pending = deque([(path, program, program.rpath)])
        seen: set[str] = set()
        while pending:
            user, elf, inherited = pending.popleft()
            for name in elf.needed:
                if name in seen:
                    continue
                seen.add(name)
                if len(seen) > MAX_OBJECTS:
                    raise GuestReadError(f"{printable(path)}: more than {MAX_OBJECTS} libraries")
                found = self._find(name, user, elf, inherited, program.machine)
                yield user, name, found[0] if found is not None else None
                if found is not None:
                    pending.append((found[0], found[1], (*found[1].rpath, *inherited)))

    def _find(
        self, name: str, user: str, elf: Elf, inherited: tuple[str, ...], machine: str
    ) -> tuple[str, Elf] | None:
        """A library of this machine: those of others are passed over, as the loader does."""
        for candidate in self._candidates(name, user, elf, inherited, machine):
            if self._tree.is_file(candidate):
                found = self._object(candidate)
                if isinstance(found, Elf) and found.machine == machine:
                    return candidate, found
        return None

    def _candidates(
        self, name: str, user: str, elf: Elf, inherited: tuple[str, ...], machine: str
    ) -> Iterator[str]:
        if "/" in name:
            yield name
            return
        own = elf.runpath or (*elf.rpath, *inherited)
        for directory in own[:MAX_DIRECTORIES]:
            for expanded in self._expanded(directory, user, machine):
                yield posixpath.join(expanded, name)
        triplet = TRIPLETS.get(machine)
        multiarch = (f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet else ()
        for directory in (*multiarch, *TRUSTED, *self._configured_directories()):
            yield posixpath.join(directory, name)

    def _expanded(self, directory: str, user: str, machine: str) -> Iterator[str]:
        """`$ORIGIN` is where the file itself is; `$LIB` is `lib64`, `lib` or Debian's directory: ld.so(8)."""
        origin = posixpath.dirname(self._tree.resolve(user) or user)
        for name in ("$ORIGIN", "${ORIGIN}"):
            directory = directory.replace(name, origin)
        directory = directory.replace("${LIB}", "$LIB")
        if "$LIB" not in directory:
            yield posixpath.normpath(directory)
            return
        for lib in ("lib64", "lib", f"lib/{TRIPLETS.get(machine, '')}"):
            yield posixpath.normpath(directory.replace("$LIB", lib))

    def _configured_directories(self) -> tuple[str, ...]:
        if self._configured is None:
            self._configured = tuple(_library_directories(self._tree))
        return self._configured


def _library_directories(tree: GuestTree) -> Iterator[str]:
    """Directories of ld.so.conf and of what it includes, and of musl's path file."""
    pending = deque([LD_SO_CONF])
    seen = 0
    while pending and seen < MAX_CONF_FILES:
        seen += 1
        path = pending.popleft()
        for line in _lines(tree, path):
            words = line.split()
            if words[0] == "include":
                pending.extend(_included(tree, path, words[1:]))
            elif words[0].startswith("/"):
                yield words[0].split("=")[0]
    for name in tree.names("/etc"):
        if name.startswith("ld-musl-") and name.endswith(".path"):
            for line in _lines(tree, posixpath.join("/etc", name)):
                yield from (part for part in line.split(":") if part.startswith("/"))


def _included(tree: GuestTree, path: str, patterns: list[str]) -> Iterator[str]:
    for pattern in patterns:
        directory, name = posixpath.split(posixpath.join(posixpath.dirname(path), pattern))
        for found in tree.names(directory):
            if fnmatchcase(found, name):
                yield posixpath.join(directory, found)


def _lines(tree: GuestTree, path: str) -> list[str]:
    content = (tree.read_bytes(path, MAX_CONF_BYTES) or b"").decode("utf-8", "surrogateescape")
    lines = (line.split("#", 1)[0].strip() for line in content.splitlines())
    return [line for line in lines if line]
