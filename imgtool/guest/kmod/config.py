"""The configuration of kmod: modprobe.d(5), and libkmod/libkmod-config.c for what is read of which file."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kmod.index import Pattern, normal
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
"""In the order of their precedence: of files of one name the first counts."""
MAX_FILES = 500
MAX_FILE_BYTES = 1 << 20
MAX_RULES = 20_000
"""Of all files together; openSUSE's blacklists have 200."""

SUFFIXES = (".conf", ".alias")
"""Of the files that are read; a directory of such a name is passed over, and hides no other file."""
COMMANDS = frozenset({"blacklist", "install", "alias", "softdep", "options"})
_BLANKS = re.compile("[\t ]+")
"""What divides words: a carriage return is part of one."""
NO_LOADERS = frozenset(
    ("false", "true", ":", "echo", "printf", "exit", "logger", "test", "[", "sleep", "cat")
)
"""Programs that do all sorts of things, and never load a module."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that matters: `name` is a module or a pattern, `rest` what follows it."""

    name: str
    rest: str
    place: str
    """The file, and the line as it is written."""


@dataclass(frozen=True, slots=True)
class ModprobeConfig:
    """What the files say, in the order in which they are read."""

    blacklisted: dict[str, str] = field(default_factory=dict)
    """Module to the place that says so."""
    installs: tuple[Rule, ...] = ()
    aliases: tuple[Rule, ...] = ()
    options: tuple[Rule, ...] = ()

    def install(self, module: str) -> Rule | None:
        """The command that is run in place of loading `module`; its name may be a pattern."""
        name = Pattern(module)
        return next((rule for rule in self.installs if name.is_matched_by(rule.name)), None)

    def alias(self, name: str) -> tuple[Rule, ...]:
        """Aliases that match `name`: where there is one, the index that depmod made is not asked."""
        wanted = Pattern(normal(name))
        return tuple(rule for rule in self.aliases if wanted.is_matched_by(rule.name))

    def install_of_alias(self, name: str) -> Rule | None:
        """The command of exactly this alias: kmod_lookup_alias_from_commands, before the index of depmod."""
        return next((rule for rule in self.installs if rule.name == normal(name)), None)


def read_modprobe_config(tree: GuestTree) -> ModprobeConfig:
    """The configuration of the guest. Raises GuestReadError where it cannot be read, or has no bound."""
    rules: dict[str, list[Rule]] = {command: [] for command in COMMANDS}
    count = 0
    for path in _files(tree):
        content = tree.read_bytes(path, MAX_FILE_BYTES) if tree.is_file(path) else b""
        for command, rule in parse_modprobe_file((content or b"").decode("utf-8", "surrogateescape"), path):
            rules[command].append(rule)
            count += 1
            if count > MAX_RULES:
                raise GuestReadError(f"modprobe.d: more than {MAX_RULES} lines")
    blacklisted: dict[str, str] = {}
    for rule in rules["blacklist"]:
        blacklisted.setdefault(rule.name, rule.place)
    return ModprobeConfig(
        blacklisted, tuple(rules["install"]), tuple(rules["alias"]), tuple(rules["options"])
    )


def parse_modprobe_file(text: str, path: str) -> Iterator[tuple[str, Rule]]:
    """The lines that matter here, each with its command. A line that is none is passed over, as kmod does."""
    for line in _lines(text):
        words = _BLANKS.split(line.partition("\0")[0].strip("\t "), maxsplit=2)
        if len(words) < 2 or line.startswith("#"):
            continue
        command, name, rest = words[0], words[1], words[2] if len(words) > 2 else ""
        if command not in COMMANDS or not (rest or command == "blacklist"):
            continue
        place = f"{printable(path)}: {printable(' '.join(words))}"
        yield command, Rule(normal(name), rest, place)


def first_word(text: str) -> str:
    """The text up to the first blank, as kmod divides words."""
    return _BLANKS.split(text, maxsplit=1)[0]


def never_loads(command: str, module: str) -> bool | None:
    """Whether an install command loads nothing; None where nobody can tell what the program does."""
    normal = command.replace("-", "_")
    if ("modprobe" in command or "insmod" in command) and module in normal:
        return False
    words = command.split(maxsplit=1)
    if not words:  # a lone carriage return: the shell finds no such program
        return True
    program = posixpath.basename(words[0].rstrip(";"))
    return True if program in NO_LOADERS or program in {"modprobe", "insmod"} else None


def _files(tree: GuestTree) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for directory in DIRECTORIES:
        for name in tree.names(directory):
            path = posixpath.join(directory, name)
            if name.endswith(SUFFIXES) and not name.startswith(".") and not tree.is_directory(path):
                found.setdefault(name, path)
    if len(found) > MAX_FILES:
        raise GuestReadError(f"modprobe.d: more than {MAX_FILES} files")
    return tuple(found[name] for name in sorted(found))


def _lines(text: str) -> Iterator[str]:
    """Lines by libkmod's getline_wrapped: one that ends in a backslash goes on in the next, with no blank."""
    return (line for line in text.replace("\\\n", "").split("\n") if line)
