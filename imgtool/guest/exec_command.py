"""The command that a systemd service really starts: its words, with variables in their places.

Source: systemd.service(5), "Command lines"; systemd.exec(5), "Environment"; systemd's src/basic/env-file.c
and src/core/execute.c. What is read are the lines of the unit and of its drop-ins in their order.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.hiding_mounts import mount_obstacle
from imgtool.guest.programs import Programs
from imgtool.guest.release import MAX_SETTINGS_BYTES
from imgtool.guest.systemd.environment_file import NAME, environment_file
from imgtool.guest.systemd.unit import SEARCH_PATH
from imgtool.guest.systemd.unit_rules import command_prefix
from imgtool.guest.systemd.words import UnbalancedError, words_of
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

Setting = tuple[str, str, str]
"""Source, key and value of one line of a unit."""
Word = tuple[str, str]
"""A word of a command, and where it was written."""

MAX_COMMAND_CHARACTERS = 16 << 10
MAX_FILES = 50
MAX_SETTINGS = 5000
"""Lines of one unit with its drop-ins."""
MAX_COMMANDS = 50
"""Of one service."""
MAX_EXPANDED_CHARACTERS = 64 << 10
"""Of one command, with all variables in their places."""

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})
PREFIXES = frozenset(
    {"exec", "env", "nice", "ionice", "nohup", "stdbuf", "setsid", "taskset", "command", "chrt"}
)
"""Programs, and words of a shell, that start the program named behind them."""

_SEPARATORS = frozenset({";", "&&", "||", "|", "&", ";;", "(", ")", "{", "}", "then", "do", "else"})


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a service."""

    words: tuple[Word, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    may_fail: bool = False
    """With `-` before it: the service goes on."""
    privileged: bool = False
    """With `+` before it: as root, and without most of what shuts the service in."""
    keeps_root: bool = False
    """With `+` or `!` before it: User= does not count."""

    @property
    def program(self) -> str:
        """The command's first word; empty if there is none."""
        return self.words[0][0] if self.words else ""

    @property
    def shown(self) -> str:
        """The whole command, for people."""
        return printable(" ".join(word for word, _ in self.words))


def commands_of(
    tree: GuestTree, settings: Sequence[Setting], instance: str = "", key: str = "ExecStart"
) -> tuple[Command, ...]:
    """The commands of `key` that are left after all lines, with the environment that they get."""
    lines: list[tuple[str, str]] = []
    for source, name, value in settings[:MAX_SETTINGS]:
        if name == key and value:
            lines.append((value, source))
        elif name == key:
            lines.clear()
    environment = _environment(tree, settings[:MAX_SETTINGS]) if lines else {}
    return tuple(
        command
        for value, source in lines[:MAX_COMMANDS]
        for command in _commands(value[:MAX_COMMAND_CHARACTERS], source, environment, instance)
    )


def split_words(text: str) -> list[str]:
    """`text` as words, quotes taken off; at white space alone where a quote does not end."""
    shortened = text[:MAX_COMMAND_CHARACTERS]
    try:
        return shlex.split(shortened)
    except ValueError:
        return shortened.split()


# ---------------------------------------------------------------- the line


def _commands(value: str, source: str, environment: Mapping[str, Word], instance: str) -> Iterator[Command]:
    """Return those of one ExecStart= line: several where `;` stands between them."""
    words: list[str] = []
    try:
        parsed = words_of(value)
    except UnbalancedError as error:
        parsed = error.words
    for word in [*parsed, ";"]:
        if word != ";":
            words.append(";" if word == r"\;" else word)
        elif words:
            yield _command(words, source, environment, instance)
            words = []


def _command(words: list[str], source: str, environment: Mapping[str, Word], instance: str) -> Command:
    flags, first = command_prefix(words[0])
    rest = [first, *words[1:]] if first else words[1:]
    if "@" in flags and len(rest) > 1:
        del rest[1]
    plain = [(_specified(word, instance), source) for word in rest]
    expand = ":" not in flags
    expanded = list(_all_expanded(plain[1:], environment)) if expand else plain[1:]
    values = {name: text for name, (text, _) in environment.items()}
    privileged = "+" in flags
    keeps_root = privileged or ("!" in flags and "!!" not in flags)
    return Command((*plain[:1], *expanded), values, "-" in flags, privileged, keeps_root)


def _specified(word: str, instance: str) -> str:
    """Put the instance's name in place of %i and %I; other specifiers are left as they are."""
    if "%" not in word:
        return word
    found = {"%%": "%", "%i": instance, "%I": _unescaped(instance)}
    return re.sub(r"%[%iI]", lambda match: found[match[0]], word)


def _unescaped(instance: str) -> str:
    """Do as systemd-escape(1) --unescape does: `-` is a slash, and \\xNN the byte."""
    slashes = instance.replace("-", "/")
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), slashes)


def _all_expanded(words: Sequence[Word], environment: Mapping[str, Word]) -> Iterator[Word]:
    left = MAX_EXPANDED_CHARACTERS
    for word in words:
        left -= len(word[0]) + sum(len(environment.get(name, ("",))[0]) for name in NAME.findall(word[0]))
        if left < 0:
            raise GuestReadError(f"{word[1]}: a command of more than {MAX_EXPANDED_CHARACTERS} characters")
        yield from _expanded(word, environment)


def _expanded(word: Word, environment: Mapping[str, Word]) -> Iterator[Word]:
    """`$VAR` as a word of its own becomes several words or none, `${VAR}` stays within its word."""
    text, source = word
    if text.startswith("$") and NAME.fullmatch(text[1:]):
        value, origin = environment.get(text[1:], ("", source))
        yield from ((part, origin) for part in split_words(value))
        return
    origin = source
    parts: list[str] = []
    rest = text
    while "$" in rest:
        before, _, rest = rest.partition("$")
        parts.append(before)
        if rest.startswith("$"):
            parts.append("$")
            rest = rest[1:]
        elif rest.startswith("{") and NAME.fullmatch(rest[1:].partition("}")[0]) and "}" in rest:
            name, _, rest = rest[1:].partition("}")
            value, origin = environment.get(name, ("", origin))
            parts.append(value)
        else:
            parts.append("$")
    yield "".join([*parts, rest]), origin


# ---------------------------------------------------------------- the environment


def _environment(tree: GuestTree, settings: Sequence[Setting]) -> dict[str, Word]:
    """Variables with where they stand: those of files count more than those of Environment=."""
    plain: dict[str, Word] = {}
    files: list[str] = []
    unset: list[str] = []
    for source, key, value in settings:
        if key == "Environment":
            plain |= _assignments(value, source)
            plain = plain if value else {}
        elif key == "EnvironmentFile":
            files = _grown(files, value, [value])
        elif key == "UnsetEnvironment":
            unset = _grown(unset, value, split_words(value))
    for named in files[:MAX_FILES]:
        plain |= _file(tree, named)
    return {name: found for name, found in plain.items() if name not in unset}


def _grown(found: list[str], value: str, more: list[str]) -> list[str]:
    """`found` with `more`; an empty value takes all before it back."""
    if not value:
        return []
    found.extend(more)
    return found


def _assignments(value: str, source: str) -> dict[str, Word]:
    pairs = (word.partition("=") for word in split_words(value))
    return {name: (text, source) for name, separator, text in pairs if separator and NAME.fullmatch(name)}


def _file(tree: GuestTree, named: str) -> dict[str, Word]:
    path = named.removeprefix("-")
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if path.startswith("/") else None
    if content is None:
        return {}
    where = printable(posixpath.normpath(path))
    found = environment_file(content.decode("utf-8", "replace"))
    return {name: (value, where) for name, value in found.items()}


def starting(command: Command, program: str) -> Command | None:
    """The command that starts `program` in the end: itself, behind `env` or `nice`, or of a shell's script.

    None where it starts something else. Only plain scripts are followed: commands with `;`, `&&` between.
    """
    words = list(command.words)
    for _ in range(len(words)):
        if not words:
            return None
        base = posixpath.basename(words[0][0])
        if base == program:
            return replace(command, words=tuple(words))
        if base in SHELLS:
            return _in_script(command, words, program)
        if base not in PREFIXES:
            return None
        words = _behind_prefix(words[1:])
    return None


def _behind_prefix(words: list[Word]) -> list[Word]:
    """Return the words from the first that names a program: no option, number or assignment."""
    for index, (word, _) in enumerate(words):
        if not (word.startswith("-") or word.isdigit() or ("=" in word and "/" not in word.split("=")[0])):
            return words[index:]
    return []


def _in_script(command: Command, words: list[Word], program: str) -> Command | None:
    script = _script(words)
    if script is None:
        return None
    text, source = script
    for begin in scripted(text, source, command.environment):
        plain = posixpath.basename(begin[0][0]) not in SHELLS
        found = starting(replace(command, words=begin), program) if plain else None
        if found is not None:
            return found
    return None


def scripted(
    text: str, source: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Word, ...]]:
    """The plain commands of a shell's script, with the variables of `environment` in their places."""
    for part in _parts(text):
        expanded = [_shell_expanded(word, source, environment or {}) for word in part]
        begin = _behind_prefix([pair for pairs in expanded for pair in pairs])
        if begin:
            yield tuple(begin)


def _script(words: list[Word]) -> Word | None:
    """What follows `-c`, which may stand in a cluster of options (`-ec`)."""
    for index, (word, _) in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[index + 1] if index + 1 < len(words) else None
        if not word.startswith(("-", "+")) and word not in SHELLS:
            return None
    return None


def _parts(script: str) -> Iterator[list[str]]:
    """The words of each plain command, without what stands between commands."""
    for line in script[:MAX_COMMAND_CHARACTERS].replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        lexer.whitespace_split = True
        try:
            tokens = list(lexer)
        except ValueError:
            tokens = line.split()
        part: list[str] = []
        for token in tokens:
            if token in _SEPARATORS:
                yield part
                part = []
            else:
                part.append(token)
        yield part


def _shell_expanded(word: str, source: str, environment: Mapping[str, str]) -> list[Word]:
    found = re.fullmatch(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", word)
    if found is None:
        return [(word, source)]
    return [(part, source) for part in environment.get(found[1], "").split()]


def located(tree: GuestTree, program: str, directories: Sequence[str] = SEARCH_PATH) -> str | None:
    """The path of `program` as systemd finds it; None where it is not there."""
    candidates = [program] if "/" in program else [f"{directory}/{program}" for directory in directories]
    return next((path for path in candidates if tree.is_file(path)), None)


def program_obstacle(tree: GuestTree, programs: Programs, path: str) -> str | None:
    """Why the guest cannot run the program `path`; None where it can.

    Where even /sbin/init cannot run, for the same reasons, nothing is said: it is not this program's fault.
    """
    obstacle = programs.obstacle(path)
    if obstacle is None:
        return mount_obstacle(tree, programs, path)
    if not tree.is_executable(path) or tree.size_bytes(path) == 0:
        return obstacle
    return None if programs.obstacle("/sbin/init") is not None else obstacle
