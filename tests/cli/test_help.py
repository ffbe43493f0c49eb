"""`imgtool help`: the chapters of docs/, in a pager where stdout is a terminal."""

import contextlib
import json
import os
import pty
import subprocess

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.documentation import DOCS

from imgtool.cli import chapters
from imgtool.cli.group import COMMANDS


def on_a_terminal(*arguments: str, pager: str) -> tuple[int, str]:
    """The exit status, and what the terminal shows."""
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [IMGTOOL, *arguments], stdin=inner, stdout=inner, stderr=inner, env={**os.environ, "PAGER": pager}
    )
    os.close(inner)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(terminal, 1 << 16):
            shown += part
    os.close(terminal)
    return process.wait(), shown.decode()


def test_every_chapter_of_docs_is_a_topic_and_every_command_has_one() -> None:
    assert set(chapters.CHAPTERS) == {page.stem for page in DOCS.glob("*.md")}
    explained = [name for commands in chapters.CHAPTERS.values() for name in commands]
    assert sorted(explained) == sorted(set(COMMANDS) - {"help"})


def test_without_a_topic_the_chapters_are_listed() -> None:
    run = imgtool("help")
    assert run.returncode == 0
    assert [line.split()[0] for line in run.stdout.splitlines()[:-2]] == list(chapters.CHAPTERS)
    listed = json.loads(imgtool("help", "--output", "json").stdout)
    assert [entry["topic"] for entry in listed["topics"]] == list(chapters.CHAPTERS)


@pytest.mark.parametrize("topic", chapters.CHAPTERS)
def test_a_chapter_is_shown_as_it_is_in_docs(topic: str) -> None:
    run = imgtool("help", topic)
    assert run.returncode == 0
    assert run.stdout.startswith(f"{chapters.title(topic)}\n")
    assert "```" not in run.stdout
    assert "](" not in run.stdout
    document = json.loads(imgtool("help", topic, "--output", "json").stdout)
    assert document["text"] == (DOCS / f"{topic}.md").read_text()


def test_a_command_is_a_topic() -> None:
    assert imgtool("help", "check").stdout == imgtool("help", "inspect-check").stdout


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("chekc", "did you mean `imgtool help check`?"), ("xyzzy", "`imgtool help` lists the topics")],
)
def test_a_wrong_topic_is_a_usage_error_with_a_way_on(wrong: str, hint: str) -> None:
    assert_clean_failure(imgtool("help", wrong), 2, repr(wrong), hint)


def test_a_terminal_gets_a_pager_and_may_leave_it_early() -> None:
    status, shown = on_a_terminal("help", "security", pager="sed -n 's/^/paged: /p;1q'")
    assert status == 0
    assert shown.splitlines() == [f"paged: {chapters.title('security')}"]
    status, shown = on_a_terminal("help", pager="false")
    assert status == 0
    assert "inspect-check" in shown
