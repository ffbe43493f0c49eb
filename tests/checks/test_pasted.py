"""Every remedy of every check, whatever names the guest chose: a command does what it says, and no more."""

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from checks.test_cases import FAILING
from support import facts
from support.pasted import HOSTILE, commands_in, pasted
from support.policies import ASKING

from imgtool.checks.registry import find_check
from imgtool.model.inspection import Inspection

OURS = frozenset(
    {
        "remedy",
        "delete_command",
        "outcome",
        "type",
        "root_filesystem",
        "generator",
        "status",
        "bus",
        "stage",
        "firmware",
        "effect",
    }
)
"""Fields that hold no text of a guest's: words of imgtool's own, and commands of words that are quoted."""
TAKES_A_VALUE = frozenset({"-k", "--kver", "--delete"})
"""Options whose next word is theirs, whatever it begins with."""

OTHERWISE = frozenset({"findmnt"})
"""What a remedy runs only where it knows less than in the cases."""


def spoilt(value: Any, text: str) -> Iterator[Any]:
    """`value` with one text in it replaced by `text` or ending in it, for each that is there."""
    if isinstance(value, str):
        yield from (text, f"{value}{text}", f"{value}: {text}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from ((*value[:index], new, *value[index + 1 :]) for new in spoilt(item, text))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name in {field.name for field in dataclasses.fields(value)} - OURS:
            old = getattr(value, name)
            yield from (dataclasses.replace(value, **{name: new}) for new in spoilt(old, text))


def remedy(name: str, inspection: Inspection) -> str:
    check, rule = find_check(name), ASKING.rule(find_check(name))
    given = () if rule.parameters is None else (rule.parameters,)
    return str(check.examine(inspection, *given).remedy)


def inspections(name: str) -> Iterator[Inspection]:
    made = (case() for case in FAILING[name])
    return (one for one in made if isinstance(one, Inspection))


def usual(name: str) -> set[str]:
    """What the remedies of the failing cases show as they are."""
    return {one for inspection in inspections(name) for one in commands_in(remedy(name, inspection))}


def programs(commands: set[str], folder: Path) -> set[str]:
    return {words[0] for command in commands for words in pasted(command, folder)}


@pytest.mark.parametrize("name", FAILING)
def test_a_command_holds_what_the_guest_chose_as_one_word(name: str, tmp_path: Path) -> None:
    before = usual(name)
    known = programs(before, tmp_path) | OTHERWISE
    for text in filter(None, HOSTILE):
        shown = {
            command
            for inspection in inspections(name)
            for changed in spoilt(inspection, text)
            for command in commands_in(remedy(name, changed))
        }
        for command in shown - before:
            assert_harmless(pasted(command, tmp_path), text, known)


def assert_harmless(ran: list[list[str]], text: str, known: set[str]) -> None:
    assert ran
    assert {words[0] for words in ran} <= known
    assert all(text in word for words in ran for word in words if "pwned" in word and words[0] != "sed")
    for words in ran:
        for before, word in pairwise(words):
            if word == text and word.startswith("-"):
                assert "--" in words[: words.index(word)] or before in TAKES_A_VALUE


def test_a_name_that_cannot_be_typed_gives_words_and_no_command(tmp_path: Path) -> None:
    """Shown, it would be another name: a control character comes out as its escape."""
    for name in ("virtio-kernel", "secrets", "mac-unpinned", "forbidden-files", "guest-agent-enabled"):
        for inspection in inspections(name):
            for changed in spoilt(inspection, "a\nb`c"):
                said = remedy(name, changed)
                assert said.count("`") % 2 == 0
                assert "\n" not in said


def test_a_name_that_looks_like_an_option_is_none(tmp_path: Path) -> None:
    found = ("/etc/shadow: password hash of -rf", "/root/.bash_history: shell history")
    (command,) = commands_in(remedy("secrets", facts.inspection(facts.linux(secrets=facts.known(found)))))
    assert pasted(command, tmp_path)[0] == ["usermod", "--password", "*", "--", "-rf"]


def test_it_is_the_whole_name_that_is_a_user(tmp_path: Path) -> None:
    found = ("/etc/shadow: empty password of a of root",)
    (command,) = commands_in(remedy("secrets", facts.inspection(facts.linux(secrets=facts.known(found)))))
    assert pasted(command, tmp_path) == [["usermod", "--password", "*", "a of root"]]
