"""What `--help` says of each option is a sentence that an operator reads once."""

import re

import click
import pytest

from imgtool.cli.group import COMMANDS, cli

CONTEXT = click.Context(cli)
TEXTS = [
    (f"{name} {option.opts[-1]}", option.help or "")
    for name in COMMANDS
    if (command := cli.get_command(CONTEXT, name)) is not None
    for option in command.params
    if isinstance(option, click.Option)
]
FRAGMENT = re.compile(r"^(Of|By|In|For|Its|His|The same|Who converts|Where|What|Only)\b")
"""Beginnings of what is no sentence without the name of the option before it."""


@pytest.mark.parametrize(("option", "text"), TEXTS, ids=[option for option, _ in TEXTS])
def test_it_is_a_sentence(option: str, text: str) -> None:
    assert text.endswith((".", "]")), option
    assert text[0].isupper(), option
    assert not FRAGMENT.search(text), f"{option}: begin with a verb or with what the option sets"
