"""The status with which a command would end in the guest, as far as the files of an image say it.

Known are `true`, `false`, `test` and `[`, programs that end with an error where a file they are given is not
there, and shell scripts made of these. All else is unknown. Sources: POSIX, "Shell Command Language" and
`test`; env(1).
"""

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from imgtool.guest.systemd.unit import SEARCH_PATH
from imgtool.guest.tree import GuestTree

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
MAX_SCRIPT_BYTES = 64 << 10
MAX_DEPTH = 8
"""Commands that start others."""
READERS = frozenset(
    {
        *("cat", "ls", "stat", "head", "tail", "wc", "md5sum", "sha256sum", "cmp", "diff", "cp", "mv"),
        *("chmod", "chown", "chgrp", "source", "realpath", "sort", "od", "rm"),
    }
)
"""Programs that fail where one of the files before their last word is missing, or the last one as well."""
WITH_TARGET = frozenset({"cp", "mv"})
"""Of these the last word is made."""
FAILED = 1
_CONSTANT = {"true": 0, ":": 0, "false": FAILED}
_FILE_TESTS: dict[str, Callable[[GuestTree, str], bool]] = {
    "-e": GuestTree.exists,
    "-a": GuestTree.exists,
    "-f": GuestTree.is_file,
    "-d": GuestTree.is_directory,
    "-r": GuestTree.exists,
    "-w": GuestTree.exists,
    "-x": lambda tree, path: tree.is_directory(path) or tree.is_executable(path),
    "-s": lambda tree, path: tree.is_directory(path) or tree.size_bytes(path) > 0,
    **dict.fromkeys(("-b", "-c", "-p", "-S"), lambda _tree, _path: False),
    "-L": GuestTree.is_link,
    "-h": GuestTree.is_link,
}
"""Devices, pipes and sockets are not in an image: what is there is none."""
STARTERS = frozenset({"exec", "env", "nice", "ionice", "nohup", "command", "setsid", "timeout", "stdbuf"})
"""What starts the program that is named behind it."""
_HARD = re.compile(r"[`*?~{}\[\]]|\$|<<")
"""What a word may have in it that only a shell can expand."""
_KEYWORDS = frozenset(
    {"if", "for", "while", "until", "case", "function", "select", "{", "(", "((", "[[", "time"}
)
_ENDS = frozenset({";", "\n", "&"})


@dataclass
class _Shell:
    """A script that is followed: how it goes so far."""

    stops_at_error: bool
    status: int | None = 0
    ended: bool = False
    """Surely; what follows does not run."""
    commands: list[list[str]] = field(default_factory=list)
    """Those that run, or may."""
    unknown: bool = False
    """Something in it cannot be followed."""


class CommandStatus:
    """The ends of commands in one guest."""

    def __init__(self, tree: GuestTree, is_missing: Callable[[str], bool]) -> None:
        """`is_missing`: whether nothing is at a path, and nothing is known to make it before."""
        self._tree = tree
        self.is_missing = is_missing

    def of(self, words: Sequence[str], depth: int = 0) -> int | None:
        """The status of a command; None where it is not known."""
        if not words or depth > MAX_DEPTH:
            return None
        name, rest = posixpath.basename(words[0]), list(words[1:])
        found = _CONSTANT.get(name)
        if name in {"test", "["}:
            found = self._test(rest[:-1] if name == "[" and rest[-1:] == ["]"] else rest)
        elif name in STARTERS:
            found = self.of(_behind(rest), depth + 1)
        elif name in SHELLS:
            shell = self._run_shell(rest, depth)
            found = None if shell is None or shell.unknown else shell.status
        elif name in READERS:
            found = self._reader(name, rest)
        elif name not in _CONSTANT:
            found = self._of_script_file(words[0], depth)
        return found

    def may_reach(self, words: Sequence[str], program: str) -> bool:
        """Whether a shell that `words` start comes to `program`; True where that cannot be told."""
        if not words or posixpath.basename(words[0]) not in SHELLS:
            return True
        shell = self._run_shell(list(words[1:]), 0)
        if shell is None or shell.unknown:
            return True
        return any(posixpath.basename(word) == program for words in shell.commands for word in words)

    def _reader(self, name: str, rest: list[str]) -> int | None:
        operands = [word for word in rest if not word.startswith("-")]
        if name == "rm" and any("f" in word for word in rest if word.startswith("-")):
            return None
        read = operands[:-1] if name in WITH_TARGET else operands
        gone = any(one.startswith("/") and not _HARD.search(one) and self.is_missing(one) for one in read)
        return FAILED if gone else None

    # ------------------------------------------------------------ test

    def _test(self, words: list[str]) -> int | None:
        truth = self._truth(words)
        return None if truth is None else int(not truth)

    def _truth(self, words: list[str]) -> bool | None:
        if any(_HARD.search(word) for word in words) or len(words) > 4:
            return None
        if not words:
            return False
        if words[0] == "!" and len(words) > 1:
            inner = self._truth(words[1:])
            return None if inner is None else not inner
        if len(words) == 1:
            return words[0] != ""
        if len(words) == 2:
            return self._unary(*words)
        return _binary(*words) if len(words) == 3 else None

    def _unary(self, operator: str, word: str) -> bool | None:
        if operator in {"-n", "-z"}:
            return (word != "") is (operator == "-n")
        look = _FILE_TESTS.get(operator)
        if look is None or not word.startswith("/"):
            return None
        if self.is_missing(word):
            return False
        is_there = self._tree.is_link(word) or self._tree.exists(word)
        return look(self._tree, word) if is_there else None

    # ------------------------------------------------------------ scripts

    def _of_script_file(self, path: str, depth: int) -> int | None:
        """The status of a program that is a script of a shell."""
        if "/" not in path:
            path = next((p for one in SEARCH_PATH if self._tree.is_file(p := f"{one}/{path}")), path)
        if not path.startswith("/") or not self._tree.is_executable(path):
            return None
        stream = self._tree.open(path)
        text = (stream.read(MAX_SCRIPT_BYTES) if stream is not None else b"").decode("utf-8", "replace")
        first, _, rest = text.partition("\n")
        words = first.removeprefix("#!").split() if first.startswith("#!") else []
        if not words or posixpath.basename(words[0]) not in SHELLS or len(text) >= MAX_SCRIPT_BYTES:
            return None
        shell = self._run(rest, "e" in "".join(words[1:]), depth)
        return None if shell.unknown else shell.status

    def _run_shell(self, rest: list[str], depth: int) -> _Shell | None:
        """Run what stands behind `-c`; None where there is none."""
        options = ""
        while rest and rest[0].startswith("-"):
            options += rest.pop(0)
            if "c" in options and rest:
                return self._run(rest[0], "e" in options, depth)
        return self._run_file(rest[0], "e" in options, depth) if rest else None

    def _run_file(self, path: str, stops_at_error: bool, depth: int) -> _Shell | None:  # noqa: FBT001 - the same
        stream = self._tree.open(path) if self._tree.is_file(path) else None
        content = stream.read(MAX_SCRIPT_BYTES) if stream is not None else b""
        if stream is None or len(content) == MAX_SCRIPT_BYTES:
            return None
        return self._run(content.decode("utf-8", "replace"), stops_at_error, depth)

    def _run(self, text: str, stops_at_error: bool, depth: int) -> _Shell:  # noqa: FBT001 - of two callers
        shell = _Shell(stops_at_error)
        for statement in _statements(text):
            if statement is None or depth > MAX_DEPTH:
                shell.unknown = True
                break
            self._and_or(shell, statement, depth)
            if shell.ended:
                break
        return shell

    def _and_or(self, shell: _Shell, statement: list[str], depth: int) -> None:
        """Run commands with `&&` and `||` between them."""
        operator = ""
        parts = _and_or_parts(statement)
        for at, (before, words) in enumerate(parts):
            operator = before
            if shell.status is not None and at and (shell.status == 0) is (operator == "||"):
                continue
            surely = not at or shell.status is not None
            self._simple(shell, words, depth, surely=surely)
            if shell.ended:
                return
            fails = shell.status is not None and shell.status != 0
            if fails and shell.stops_at_error and at == len(parts) - 1 and words[0] != "!":
                shell.ended = True

    def _simple(self, shell: _Shell, words: list[str], depth: int, *, surely: bool) -> None:
        negated = words[:1] == ["!"]
        words = words[1:] if negated else words
        shell.commands.append(words)
        if words[0] == "set":
            shell.stops_at_error = "-e" in words or shell.stops_at_error
            status: int | None = 0
        elif words[0] in {"exit", "return"}:
            given = words[1] if len(words) > 1 else None
            status = shell.status if given is None else int(given) & 255 if given.isdecimal() else None
            shell.ended = surely
        else:
            status = self.of(words, depth + 1)
            shell.ended = surely and words[0] == "exec" and len(words) > 1
        shell.status = None if status is None or not surely else int(not status) if negated else status
        shell.unknown = shell.unknown or (words[0] in {"exit", "return"} and not surely)


def _behind(words: list[str]) -> list[str]:
    """The words from the program on, behind options, numbers and assignments."""
    skipped = re.compile(r"-|[0-9.]+[smhd]?$|[A-Za-z_]\w*=")
    at = next((at for at, word in enumerate(words) if not skipped.match(word)), None)
    return words[at:] if at is not None else []


def _binary(left: str, operator: str, right: str) -> bool | None:
    if operator in {"=", "==", "!="}:
        return (left == right) is (operator != "!=")
    if operator in {"-eq", "-ne"} and left.isdecimal() and right.isdecimal():
        return (int(left) == int(right)) is (operator == "-eq")
    return None


def _statements(text: str) -> Iterator[list[str] | None]:
    """The words of each statement; None, and nothing behind it, where one is not plain."""
    for line in text.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>()")
        lexer.commenters = "#"
        lexer.whitespace_split = True
        try:
            tokens = list(lexer)
        except ValueError:
            yield None
            return
        part: list[str] = []
        for word in [*tokens, ";"]:
            if word not in _ENDS:
                part.append(word)
                continue
            plain = _without_redirections(part)
            if part and (plain is None or not _is_plain(plain) or word == "&"):
                yield None
                return
            if plain:
                yield plain
            part = []


def _without_redirections(words: list[str]) -> list[str] | None:
    """Leave out `>file`, `2>&1` and the like; None where something is read or piped."""
    kept: list[str] = []
    pending = iter(words)
    for word in pending:
        if word in {">", ">>", ">&", "&>"}:
            if kept and kept[-1].isdecimal():
                kept.pop()
            next(pending, None)
        elif word in {"&&", "||"} or not set(word) <= set(";&|<>()"):
            kept.append(word)
        else:
            return None
    return kept


def _is_plain(words: list[str]) -> bool:
    parts = _and_or_parts(words)
    return all(
        one
        and one[0] not in _KEYWORDS
        and not re.match(r"\w+(=|\(\))", one[0])
        and (one[0] == "[" or not _HARD.search(one[0]))
        for _, one in parts
    )


def _and_or_parts(words: list[str]) -> list[tuple[str, list[str]]]:
    """The commands of a statement, each with what stands before it."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if word in {"&&", "||"}:
            parts.append((word, []))
        else:
            parts[-1][1].append(word)
    return parts
