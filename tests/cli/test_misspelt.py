"""A name that there is not: what is meant is said, and the status is 2."""

import json

import pytest
from support.cli import assert_clean_failure, imgtool

MISTAKES = [
    (["chekc", "a.raw"], "there is no command 'chekc'", "did you mean `imgtool check`?"),
    (["up\x1bload"], "there is no command 'up\\x1bload'", "did you mean `imgtool upload`?"),
    (["xyzzy"], "there is no command 'xyzzy'", "`imgtool --help` lists the commands"),
    (["check", "--polcy", "x"], "`imgtool check` has no option --polcy", "did you mean --policy?"),
    (["check", "--xyzzy"], "has no option --xyzzy", "see `imgtool check --help`"),
    (["--vesion"], "`imgtool` has no option --vesion", "did you mean --version"),
    (["check", "a", "--report", "markdwn=x"], "FORMAT=PATH", "did you mean markdown?"),
    (["check", "a", "--policy", "strct"], "'strct'", "did you mean strict?"),
    (["-v", "check", "a"], "-v stands before the command", "`imgtool COMMAND -v`"),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), MISTAKES, ids=lambda one: str(one)[:30])
def test_the_hint_says_what_is_meant(arguments: list[str], message: str, hint: str) -> None:
    assert_clean_failure(imgtool(*arguments), 2, message, hint)


def test_as_json_too() -> None:
    error = json.loads(imgtool("chekc", "--output", "json").stdout)["error"]
    assert (error["code"], error["hint"]) == ("usage", "did you mean `imgtool check`?")


@pytest.mark.parametrize("verbose", ["-v", "--verbose"])
def test_the_version_with_all_that_belongs_to_it(verbose: str) -> None:
    plain = imgtool("--version").stdout
    assert plain == imgtool("-V").stdout
    for arguments in (("--version", verbose), (verbose, "--version")):
        shown = imgtool(*arguments).stdout
        assert shown.startswith(plain)
        names = [line.split()[0] for line in shown.splitlines()[1:]]
        assert names[:4] == ["Python", "qemu-img", "QEMU", "libmagic"]
        assert "openstacksdk" in names
