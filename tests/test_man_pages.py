"""scripts/build-man: manual pages with the text of docs/ and the options that click knows."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.documentation import CHECKOUT

from imgtool.cli import chapters
from imgtool.cli.group import COMMANDS, cli

BUILD_MAN = CHECKOUT / "scripts/build-man"
NAMES = ("imgtool", *(f"imgtool-{name}" for name in sorted({*COMMANDS, *chapters.CHAPTERS})))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    done = subprocess.run([BUILD_MAN, "--dir", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def rendered(page: Path) -> str:
    done = subprocess.run(
        ["mandoc", "-Tutf8", "-Owidth=200", page], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_each_command_and_each_chapter_has_a_page(pages: Path) -> None:
    assert sorted(page.stem for page in pages.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mandoc_finds_no_fault(name: str, pages: Path) -> None:
    page = pages / f"{name}.1"
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "](" not in page.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_page_has_its_options_and_its_chapter(name: str, pages: Path) -> None:
    shown = plain(rendered(pages / f"imgtool-{name}.1"))
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = [option for one in command.params if isinstance(one, click.Option) for option in one.opts]
    assert [option for option in options if option not in shown] == []
    chapter = chapters.chapter_of(name)
    assert chapter is None or chapters.title(chapter).casefold() in shown.casefold()


def plain(text: str) -> str:
    """Without the backspaces by which mandoc writes bold and underlined text."""
    characters: list[str] = []
    for character in text:
        if character == "\b":
            characters.pop()
        else:
            characters.append(character)
    return "".join(characters)


def test_without_lowdown_the_package_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BUILD_MAN, "--dir", tmp_path / "man"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "apt install lowdown" in done.stderr
    assert not (tmp_path / "man").exists()
