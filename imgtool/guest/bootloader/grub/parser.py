"""Tokens -> a statement, by GRUB's grammar (grub-core/script/parser.y).

Functions come into being as they are parsed, as in GRUB: also those before a mistake on the same line.
"""

from collections.abc import Callable

from imgtool.guest.bootloader.grub.lexer import Lexer, ScriptError, word_of
from imgtool.guest.bootloader.grub.syntax import Command, For, If, Node, Sequence, While, Word

MAX_NESTING = 40
"""Constructs inside each other. GRUB has no bound of its own but its memory."""

_STARTS = frozenset({"name", "word", "if", "for", "while", "until"})
_DELIMITERS = frozenset({";", "\n"})


def parse_statements(
    line: str, next_line: Callable[[], str | None], define: Callable[[str, Sequence], None]
) -> Sequence:
    """The statements that begin on `line`, which end on it or on a later one that `next_line` gives.

    `define` is called with each function. Raises ScriptError for what GRUB does not understand.
    """
    return _Parser(Lexer(line, next_line), define).script()


class _Parser:
    def __init__(self, lexer: Lexer, define: Callable[[str, Sequence], None]) -> None:
        self._lexer = lexer
        self._define = define

    def script(self) -> Sequence:
        items: list[Node] = []
        self._newlines()
        while self._lexer.peek().kind != "end":
            if self._lexer.peek().kind == "function":
                self._function()
            else:
                items.append(self._command())
            self._expect(*_DELIMITERS)
            self._newlines()
        return Sequence(tuple(items))

    def _expect(self, *kinds: str) -> str:
        token = self._lexer.take()
        if token.kind not in kinds:
            raise ScriptError(f"syntax error at `{token.text or token.kind}`")
        return token.text

    def _newlines(self) -> None:
        while self._lexer.peek().kind == "\n":
            self._lexer.take()

    def _open(self) -> None:
        self._lexer.open += 1
        if self._lexer.open > MAX_NESTING:
            raise ScriptError(f"more than {MAX_NESTING} constructs inside each other")

    def _close(self) -> None:
        self._lexer.open -= 1

    def _commands(self) -> tuple[Sequence, bool]:
        """Return at least one command, and whether a delimiter follows the last one."""
        self._newlines()
        items = [self._command()]
        while self._lexer.peek().kind in _DELIMITERS:
            self._lexer.take()
            self._newlines()
            if self._lexer.peek().kind not in _STARTS:
                return Sequence(tuple(items)), True
            items.append(self._command())
        return Sequence(tuple(items)), False

    def _delimited(self) -> Sequence:
        commands, is_delimited = self._commands()
        if not is_delimited:
            raise ScriptError(f"syntax error at `{self._lexer.peek().text}`")
        return commands

    def _command(self) -> Node:
        kind = self._lexer.peek().kind
        if kind == "if":
            return self._if()
        if kind == "for":
            return self._for()
        if kind in {"while", "until"}:
            return self._while()
        return self._simple()

    def _simple(self) -> Command:
        words = [word_of(self._expect("name", "word"))]
        while self._lexer.peek().is_argument:
            words.append(word_of(self._lexer.take().text))
        block = self._block() if self._lexer.peek().kind == "{" else None
        return Command(tuple(words), block)

    def _block(self) -> str:
        self._lexer.take()
        self._open()
        start = self._lexer.record()
        self._commands()
        self._expect("}")
        text = self._lexer.recorded(start)
        self._close()
        return text

    def _function(self) -> None:
        self._lexer.take()
        name = self._expect("name")
        self._open()
        self._newlines()
        self._expect("{")
        body = self._delimited()
        self._expect("}")
        self._define(name, body)
        self._close()

    def _if(self) -> If:
        self._lexer.take()
        self._open()
        branches = [(self._condition("then"), self._delimited())]
        otherwise: Sequence | If | None = None
        while (kind := self._expect("elif", "else", "fi")) == "elif":
            branches.append((self._condition("then"), self._delimited()))
        if kind == "else":
            otherwise = self._delimited()
            self._expect("fi")
        self._close()
        for condition, then in reversed(branches):
            otherwise = If(condition, then, otherwise)
        assert isinstance(otherwise, If)  # noqa: S101 - there is at least one branch
        return otherwise

    def _condition(self, keyword: str) -> Sequence:
        condition = self._delimited()
        self._expect(keyword)
        return condition

    def _for(self) -> For:
        self._lexer.take()
        name = self._expect("name")
        self._open()
        self._expect("in")
        words: list[Word] = []
        while self._lexer.peek().is_argument:
            words.append(word_of(self._lexer.take().text))
        self._expect(*_DELIMITERS)
        self._newlines()
        self._expect("do")
        body = self._delimited()
        self._expect("done")
        self._close()
        return For(name, tuple(words), body)

    def _while(self) -> While:
        until = self._lexer.take().kind == "until"
        self._open()
        condition = self._condition("do")
        body = self._delimited()
        self._expect("done")
        self._close()
        return While(condition, body, until)
