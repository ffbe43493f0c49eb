"""What of the guest's files a systemd service sees, may write and may run, by its own settings.

Source: systemd.exec(5), "Sandboxing" and "Paths"; src/core/namespace.c of systemd 252: of two settings the
one with the longer path counts, of one path the stricter one, and nothing below a hidden path comes back.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.systemd import Unit, unit_file
from imgtool.guest.systemd.unit import TRUE_WORDS
from imgtool.guest.tmpfiles import is_made
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

VOLATILE = ("/run", "/tmp", "/dev", "/proc", "/sys")  # noqa: S108 - a guest's paths
"""What a boot makes; whether something is there is not known before."""
MADE = {
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "ConfigurationDirectory": "/etc",
}
"""Directories that systemd makes for the service, below these."""
SYSTEM_PATHS = {"yes": ("/usr", "/boot", "/efi"), "full": ("/usr", "/boot", "/efi", "/etc"), "strict": ("/",)}
"""ProtectSystem=: what becomes read-only."""
HOMES = ("/home", "/root", "/run/user")
"""ProtectHome=: what is hidden, or becomes read-only."""


@dataclass(frozen=True, slots=True)
class _Rule:
    path: str
    kind: str
    """`ro`, `rw`, `hidden`, `empty` (a tmpfs), `bound` (of another path), `noexec`, `exec`."""
    said: str


class ServicePaths:
    """The paths of a guest as the service `unit` has them."""

    def __init__(self, tree: GuestTree, unit: Unit) -> None:
        self.tree = tree
        self.unit = unit
        self._rules = tuple(self._all_rules())

    def is_missing(self, path: str) -> bool:
        """Whether nothing is at `path`, and nothing is known that makes it before the service starts."""
        if "%" in path or self.tree.exists(path):
            return False
        path = self._real(path)
        return not (_within(path, VOLATILE) or _within(path, self._made()) or is_made(self.tree, path))

    def has_unit(self, name: str) -> bool:
        """Whether there is a unit of that name."""
        return unit_file(self.tree, name) is not None

    def read_only(self, path: str) -> str:
        """Return the setting that keeps the service from writing at `path`; empty where none does."""
        rule = self._longest(path, ("ro", "rw", "empty"))
        return rule.said if rule is not None and rule.kind == "ro" else self._inaccessible(path)

    def hidden(self, path: str, *, privileged: bool = False) -> str:
        """Return the setting that hides what is at `path`.

        With `privileged`: from a command with `+`, of which only what is mounted in its place hides anything.
        """
        rule = self._longest(path, ("empty", "bound"))
        said = rule.said if rule is not None and rule.kind == "empty" else ""
        return said if said or privileged else self._inaccessible(path)

    def _inaccessible(self, path: str) -> str:
        real = self._real(path)
        return next(
            (one.said for one in self._rules if one.kind == "hidden" and _within(real, (one.path,))), ""
        )

    def not_executable(self, path: str) -> str:
        """Return the setting that keeps what is at `path` from being run; empty where none does."""
        rule = self._longest(path, ("noexec", "exec"))
        return rule.said if rule is not None and rule.kind == "noexec" else ""

    def _longest(self, path: str, kinds: tuple[str, ...]) -> _Rule | None:
        real = self._real(path)
        found = [one for one in self._rules if one.kind in kinds and _within(real, (one.path,))]
        return max(found, key=lambda one: (len(one.path), -kinds.index(one.kind)), default=None)

    def _real(self, path: str) -> str:
        """Follow links as far as they are there."""
        path = posixpath.normpath(path)
        path = path.removeprefix("/var") if _within(path, ("/var/run",)) else path
        missing: list[str] = []
        while path != "/":
            found = self.tree.resolve(path) if self.tree.exists(path) else None
            if found is not None:
                return posixpath.normpath(posixpath.join(found, *reversed(missing)))
            path, name = posixpath.split(path)
            missing.append(name)
        return posixpath.join("/", *reversed(missing))

    # ------------------------------------------------------------ what makes a path

    def _made(self) -> tuple[str, ...]:
        return tuple(
            posixpath.join(base, word.partition(":")[0])
            for key, base in MADE.items()
            for word in self.unit.words("Service", key)
        )

    # ------------------------------------------------------------ the settings

    def _all_rules(self) -> Iterator[_Rule]:
        for key, kind in (
            *(("InaccessiblePaths", "hidden"), ("InaccessibleDirectories", "hidden")),
            *(("ReadOnlyPaths", "ro"), ("ReadOnlyDirectories", "ro"), ("BindReadOnlyPaths", "bound")),
            *(("ReadWritePaths", "rw"), ("ReadWriteDirectories", "rw"), ("BindPaths", "bound")),
            *(("NoExecPaths", "noexec"), ("ExecPaths", "exec"), ("TemporaryFileSystem", "empty")),
        ):
            for word in self.unit.words("Service", key):
                yield from self._of_word(key, kind, word)
        yield from self._of_system()
        yield from self._of_homes()
        for word in self.unit.words("Service", "RuntimeDirectory"):
            yield _Rule(posixpath.join("/run", word.partition(":")[0]), "rw", "RuntimeDirectory=")
        yield from (_Rule(path, "rw", "StateDirectory=") for path in self._made())

    def _of_word(self, key: str, kind: str, word: str) -> Iterator[_Rule]:
        parts = word.lstrip("-+").split(":")
        path = parts[1] if kind == "bound" and len(parts) > 1 else parts[0]
        said = f"{key}={printable(path)}"
        if path.startswith("/"):
            yield _Rule(self._real(path), kind, said)
            if kind == "bound":
                yield _Rule(self._real(path), "ro" if "ReadOnly" in key else "rw", said)
            if kind == "empty" and "ro" in ",".join(parts[1:]).split(","):
                yield _Rule(self._real(path), "ro", said)

    def _of_system(self) -> Iterator[_Rule]:
        value = self.unit.text("Service", "ProtectSystem")
        level = "yes" if value in TRUE_WORDS else value
        said = f"ProtectSystem={printable(value)}"
        yield from (_Rule(path, "ro", said) for path in SYSTEM_PATHS.get(level, ()))
        if level == "strict":
            yield from (_Rule(path, "rw", said) for path in ("/dev", "/proc", "/sys", *HOMES))

    def _of_homes(self) -> Iterator[_Rule]:
        value = self.unit.text("Service", "ProtectHome")
        kind = {"read-only": "ro", "tmpfs": "empty"}.get(value, "hidden" if value in TRUE_WORDS else "")
        if kind:
            yield from (_Rule(path, kind, f"ProtectHome={printable(value)}") for path in HOMES)
        if self.unit.flag("Service", "PrivateTmp", default=False):
            yield from (_Rule(path, "rw", "PrivateTmp=") for path in ("/tmp", "/var/tmp"))  # noqa: S108 - guest


def _within(path: str, folders: tuple[str, ...] | list[str]) -> bool:
    """Whether `path` is one of the folders or below one."""
    return any(folder in {"/", path} or path.startswith(f"{folder}/") for folder in folders)
