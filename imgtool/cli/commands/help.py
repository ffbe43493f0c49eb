"""`imgtool help [TOPIC]`: a chapter of the manual, without a network."""

import sys

import click

from imgtool.cli import chapters, completions, console, options
from imgtool.errors import UsageError
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report import as_json
from imgtool.util import misspelt


@click.command("help")
@click.argument("topic", required=False, shell_complete=completions.topics)
@options.output
def command(topic: str | None, output: str) -> None:
    """Show the chapter of the manual about TOPIC; without TOPIC, list the chapters.

    TOPIC is a chapter or a command. On a terminal the chapter opens in a pager.
    """
    if topic is None:
        _list(output)
        return
    chapter = _find(topic)
    text = chapters.markdown(chapter)
    if output == "json":
        entry = {**_entry(chapter), "text": text}
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, **entry}))
    elif sys.stdout.isatty():
        click.echo_via_pager(chapters.for_terminal(text, console.paint))
    else:
        console.show(chapters.for_terminal(text, console.paint))


def _list(output: str) -> None:
    if output == "json":
        topics = [_entry(chapter) for chapter in chapters.CHAPTERS]
        console.show(as_json.to_text({"schema_version": SCHEMA_VERSION, "topics": topics}))
        return
    width = max(map(len, chapters.CHAPTERS))
    for chapter in chapters.CHAPTERS:
        console.show(f"{console.paint(chapter.ljust(width), 'title')}  {chapters.title(chapter)}")
    console.show("\n`imgtool help TOPIC` shows a chapter; TOPIC may also be a command.")


def _entry(chapter: str) -> as_json.Object:
    commands = list(chapters.CHAPTERS[chapter])
    return {"topic": chapter, "title": chapters.title(chapter), "commands": commands}


def _find(topic: str) -> str:
    chapter = chapters.chapter_of(topic)
    if chapter is not None:
        return chapter
    names = [*chapters.CHAPTERS, *(name for commands in chapters.CHAPTERS.values() for name in commands)]
    close = misspelt.closest(topic, names)
    hint = f"did you mean `imgtool help {close}`?" if close else "`imgtool help` lists the topics"
    raise UsageError(f"there is no chapter about {topic!r}", hint=hint)
