"""Scripts of GRUB's language, made from a seed: whole ones, spoilt ones, and menus.

Each prints lines that begin with `@@`: those are compared. Names of functions carry the variant's number, as
functions outlive the file that defines them.
"""

import random
from dataclasses import dataclass

VALUES = ("a", "b c", "", "0", "1", "10", "0x10", "010", "*", "x*y", "\\\\", "  p  q ", "a=b", "-n", "é")
NAMES = ("v", "w", "x1", "_y")
FILES = (
    "/d/f",
    "/d/empty",
    "/d",
    "/d/",
    "/d/no",
    "/link",
    "/dirlink/f",
    "/dangling",
    "/no/no",
    "/d/.hidden",
)
"""Paths that `TREE` has, or has not. GRUB's reader of the host's files follows a last link, others do not."""
SPOILERS = (
    "'",
    '"',
    "\\",
    "$",
    "{",
    "}",
    ";",
    "\n",
    "#",
    " ",
    "&",
    "|",
    "<",
    ">",
    "\\\n",
    "if ",
    "fi",
    "done",
    "then",
    "${",
    "[[",
    "\t",
    "=",
    "!",
)


@dataclass(frozen=True)
class Variant:
    """One script."""

    number: int
    text: str
    is_menu: bool = False
    """It ends in an entry, or waits: it is run alone."""


def variant(seed: int, number: int) -> Variant:
    """The variant of that number; the same for the same seed."""
    maker = _Maker(random.Random(f"{seed}-{number}"), number)  # noqa: S311 - the same each time
    kind = number % 4
    text = maker.menu() if kind == 3 else maker.script()
    if kind in {1, 2}:
        text = maker.spoilt(text, 1 if kind == 1 else 3)
    return Variant(number, text, is_menu=kind == 3)


class _Maker:
    def __init__(self, dice: random.Random, number: int) -> None:
        self._dice = dice
        self._number = number
        self._functions: list[str] = []
        self._left = 60

    def script(self) -> str:
        lines = [self._statement(0) for _ in range(self._dice.randint(2, 8))]
        return "\n".join([*lines, 'echo "@@end $? $v|$w|$x1|$_y"']) + "\n"

    def spoilt(self, text: str, count: int) -> str:
        """A few characters put in, taken away or doubled; loops that could turn for ever are taken out."""
        text = text.replace("while", "if").replace("until", "if")
        for _ in range(count):
            at = self._dice.randrange(len(text))
            way = self._dice.randrange(3)
            if way == 0:
                text = text[:at] + self._dice.choice(SPOILERS) + text[at:]
            elif way == 1:
                text = text[:at] + text[at + self._dice.randint(1, 3) :]
            else:
                text = text[:at] + text[at : at + 5] + text[at:]
        return text

    def _statement(self, depth: int) -> str:
        self._left -= 1
        makers = [self._echo, self._assign, self._echo, self._assign]
        if depth < 3 and self._left > 0:
            makers += [
                lambda: self._if(depth),
                lambda: self._for(depth),
                lambda: self._while(depth),
                self._call,
                self._other,
            ]
            if depth == 0:
                makers.append(self._function)
        return self._dice.choice(makers)()

    def _block(self, depth: int) -> str:
        count = self._dice.randint(1, 3)
        return self._end().join(self._statement(depth + 1) for _ in range(count)) + self._end()

    def _end(self) -> str:
        return self._dice.choice(("\n", "; ", ";\n", "\n\n", " # c'omment\n", "\n\t"))

    def _echo(self) -> str:
        words = " ".join(self._word() for _ in range(self._dice.randint(0, 4)))
        return f"echo @@{self._dice.randint(0, 99)} {words}"

    def _word(self) -> str:
        return "".join(self._piece() for _ in range(self._dice.choice((1, 1, 1, 2, 3))))

    def _piece(self) -> str:
        name = self._dice.choice((*NAMES, "1", "2", "#", "@", "*", "?", "unset_one"))
        value = self._dice.choice(VALUES)
        return self._dice.choice(
            (
                f"${{{name}}}",
                f"${name}",
                f'"${{{name}}}"',
                f'"{value}${name}."',
                f"'{value}'",
                f'"{value}"',
                '""',
                "plain",
                "a\\ b",
                "\\$v",
                '"\\$v\\"\\x"',
                "in",
                "if",
                "#x",
                "q#x",
                "-e",
                "\\*",
                "=",
                "con\\\ntinued",
                "'two\nlines'",
            )
        )

    def _assign(self) -> str:
        name = self._dice.choice(NAMES)
        return self._dice.choice(
            (
                f"set {name}={self._word()}",
                f"{name}={self._word()}",
                f"set {name}='{self._dice.choice(VALUES)}'",
                f'set {name}="{self._dice.choice(VALUES)}"',
                f"unset {name}",
                f"export {name}",
            )
        )

    def _if(self, depth: int) -> str:
        text = f"if {self._condition()}{self._end()}then {self._block(depth)}"
        for _ in range(self._dice.choice((0, 0, 1, 2))):
            text += f"elif {self._condition()}{self._end()}then {self._block(depth)}"
        if self._dice.random() < 0.5:
            text += f"else {self._block(depth)}"
        return text + "fi"

    def _condition(self) -> str:
        simple = self._dice.choice(
            ("true", "false", "nosuchcommand", f"[ {self._test()} ]", f"test {self._test()}")
        )
        return self._dice.choice(("", "", "! ")) + simple

    def _test(self) -> str:
        tests = [self._one_test() for _ in range(self._dice.choice((1, 1, 2, 3)))]
        return self._dice.choice((" -a ", " -o ", " ")).join(tests)

    def _one_test(self) -> str:
        left, right = self._operand(), self._operand()
        operator = self._dice.choice(
            ("=", "!=", "==", "-eq", "-ne", "-lt", "-gt", "-le", "-ge", "'<'", "'>'", "-pgt", "-plt")
        )
        path = self._dice.choice(FILES)
        return self._dice.choice(
            (
                f"{left} {operator} {right}",
                f"{left} {operator} {right}",
                f"-z {left}",
                f"-n {left}",
                f"-{self._dice.choice('defs')} $top{path}",
                f"! {left}",
                left,
                f"'(' {left} = {right} ')'",
                f"'(' {left} -o {right} ')' -a {left}",
            )
        )

    def _operand(self) -> str:
        name = self._dice.choice(NAMES)
        return self._dice.choice(
            (f'"${name}"', f"${name}", "1", "2", "10", "abc", "''", "-1", "vmlinuz-2", "vmlinuz-11")
        )

    def _for(self, depth: int) -> str:
        name = self._dice.choice(NAMES)
        words = " ".join(self._word() for _ in range(self._dice.randint(0, 4)))
        body = self._block(depth)
        if self._dice.random() < 0.3:
            leave = self._dice.choice(("break", "continue", "break 2"))
            body = f"if [ {self._one_test()} ]; then {leave}; fi\n{body}"
        return f"for {name} in {words}{self._end()}do {body}done"

    def _while(self, depth: int) -> str:
        counter = f"c{self._dice.randint(0, 999)}"
        word, test = self._dice.choice((("while", "!="), ("until", "=")))
        head = f"set {counter}=a\n{word} [ x${counter} {test} xaaaa ]; do set {counter}=a${counter}"
        return f"{head}; {self._block(depth)}done"

    def _function(self) -> str:
        name = f"f{self._number}_{len(self._functions)}"
        extra = self._dice.choice(
            ("", "shift\n", "setparams s1 's 2'\n", "return 3\n", "shift 2\n", "return\n")
        )
        body = f'echo "@@{name} $# $1 $2 $@"\n{extra}echo @@in "$1" $*\n'
        text = f"function {name} {{{self._end()}{body}{self._statement(2)}\n}}"
        self._functions.append(name)
        return text

    def _call(self) -> str:
        if not self._functions:
            return self._echo()
        words = " ".join(self._word() for _ in range(self._dice.randint(0, 3)))
        call = f"{self._dice.choice(self._functions)} {words}"
        return self._dice.choice(
            (call, f"if {call}; then echo @@yes; else echo @@no; fi", f"{call}\necho @@status $?")
        )

    def _other(self) -> str:
        return self._dice.choice(
            (
                f"eval echo @@eval {self._word()}",
                "eval 'set v=1; echo @@evalled $v'",
                "regexp --set=1:v --set 2:w '^([a-z]+)-([0-9]+)' 'vmlinuz-12.3'; echo @@regexp $? $v $w",
                "regexp 'b.d' 'abc'; echo @@regexp $?",
                "for v in $top/d/*; do echo @@glob $v; done",
                "for v in $top/d/f?* $top/no*; do echo @@glob $v; done",
                "source $top/sourced.cfg",
                ". $top/missing.cfg; echo @@source $?",
                "load_env -f $top/env; echo @@env $? $envone $envtwo",
                "load_env -f $top/env envtwo; echo @@env $? $envone $envtwo",
                "load_env -f $top/d/f; echo @@env $?",
                "search --file --set=v /nowhere/at/all; echo @@search $? $v",
                "insmod nosuchmodule; echo @@insmod $?",
                "true a b; echo @@status $?",
                "false; echo @@status $?",
                "! false; echo @@not $?",
                "! true; echo @@not $?",
                "!; echo @@not $?",
            )
        )

    def menu(self) -> str:
        """A menu whose default entry says who it is, and ends there.

        Without the styles `hidden` and `countdown`: there grub-emu, and GRUB on no machine, waits for a key.
        """
        entries = [self._entry(index) for index in range(self._dice.randint(1, 4))]
        if self._dice.random() < 0.5:
            inner = "\n".join(self._entry(10 + index) for index in range(self._dice.randint(1, 3)))
            entries.insert(
                self._dice.randrange(len(entries) + 1), f"submenu 'sub menu' --id sub {{\n{inner}\n}}"
            )
        choices = (
            "0",
            "1",
            "2",
            "7",
            "-1",
            "t1",
            "id1",
            "sub>id11",
            "sub>1",
            "sub menu>t11",
            "1>1",
            "2>0",
            "sub>>x",
            "",
            "1 ",
            "x>y",
            "t>2",
            "0x1",
            "id1 t0",
        )
        default = self._dice.choice(choices)
        lines = [f"set default='{default}'" if self._dice.random() < 0.9 else ""]
        lines.append(
            self._dice.choice(
                (
                    "set timeout=0",
                    "timeout=0",
                    "set timeout=00",
                    "set timeout=0x0",
                    "set timeout=0s",
                    "set timeout='0'",
                )
            )
        )
        lines.append(self._dice.choice(("", "", "set timeout_style=menu")))
        if self._dice.random() < 0.3:
            lines.append(f"set fallback='{self._dice.choice(('1', '1 2', '0', '3', 't1', '9'))}'")
        self._dice.shuffle(lines)
        return "\n".join([*lines, *entries]) + "\n"

    def _entry(self, index: int) -> str:
        title = self._dice.choice((f"t{index}", f"'t{index}'", f'"t{index}"', f"'t>{index}'", f"'{index} t'"))
        name = self._dice.choice(
            (
                "",
                f"--id id{index}",
                f"--id=id{index}",
                f"$menuentry_id_option id{index}",
                f"--class os --id 'id{index}'",
            )
        )
        extra = self._dice.choice(
            (
                "",
                " --class a --class=b",
                " --unrestricted",
                " arg1 'arg 2'",
                " --hotkey=h",
                " --users ''",
                " -x",
            )
        )
        ends = self._dice.choice(
            (
                "echo @@entry",
                "echo @@entry $1 $2; false",
                f"echo @@entry{index}; false",
                f"echo @@e{index} $chosen $default",
            )
        )
        stop = "" if "false" in ends else "normal_exit\ntrue\n"
        return f'menuentry {title} {name}{extra} {{\n{ends} {index} "$1" $#\n{stop}}}'
