"""Manual pages from the chapters in docs/ and the options that click knows; lowdown writes the roff.

  scripts/build-man              writes man/imgtool.1 and man/imgtool-TOPIC.1
  scripts/build-man --dir DIR    writes them there
  man -l man/imgtool-check.1     shows one

There is a page for each command and for each chapter. Exit status: 0 written, 4 lowdown is missing or failed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from imgtool import __version__
from imgtool.cli import chapters
from imgtool.cli.group import COMMANDS, cli

CHECKOUT = Path(__file__).resolve().parents[2]
LOWDOWN = ["lowdown", "-s", "-Tman", "--out-no-smarty", "-M", "section=1"]
_LINK = re.compile(r"\[([^\]]+)\]\((?:docs/)?([^)]+)\)")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        "build-man", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=CHECKOUT / "man", help="where to (default: man/)")
    folder: Path = parser.parse_args().dir
    if shutil.which(LOWDOWN[0]) is None:
        print("build-man: lowdown is missing: apt install lowdown", file=sys.stderr)
        return 4
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        done = _roff(name, text)
        if done.returncode:
            print(f"build-man: lowdown failed at {name}: {done.stderr}", file=sys.stderr)
            return 4
        (folder / f"{name}.1").write_text(_portable(done.stdout))
    return 0


def pages() -> Mapping[str, str]:
    """The Markdown of each page by its name."""
    commands = {f"imgtool-{name}": _command(name) for name in COMMANDS}
    topics = {
        f"imgtool-{name}": _page(f"imgtool-{name}", chapters.title(name), "", _chapter(name))
        for name in chapters.CHAPTERS
        if name not in COMMANDS
    }
    return {"imgtool": _overview(), **commands, **topics}


def _overview() -> str:
    readme = _flat((CHECKOUT / "README.md").read_text()).replace("# imgtool", "# DESCRIPTION", 1)
    listed = "\n".join(f"- **imgtool-{name}**(1): {_escaped(text)}" for name, text in COMMANDS.items())
    synopsis = "# SYNOPSIS\n\n`imgtool` *COMMAND* [*OPTIONS*]"
    return _page("imgtool", cli.help or "", f"{synopsis}\n\n# COMMANDS\n\n{listed}", readme)


def _command(name: str) -> str:
    context = click.Context(cli, info_name="imgtool")
    command = cli.get_command(context, name)
    if command is None:
        raise LookupError(name)
    own = click.Context(command, info_name=name, parent=context)
    usage = " ".join(command.collect_usage_pieces(own))
    description = _escaped(re.sub(r"\A\s*|\n +", lambda match: "\n" if match[0] else "", command.help or ""))
    options = "\n\n".join(_options(command, own))
    synopsis = f"`imgtool {name}` {_escaped(usage)}"
    top = f"# SYNOPSIS\n\n{synopsis}\n\n# DESCRIPTION\n{description}\n\n# OPTIONS\n\n{options}"
    chapter = chapters.chapter_of(name)
    return _page(f"imgtool-{name}", COMMANDS[name], top, _chapter(chapter) if chapter else "")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            yield f"`{record[0]}`\n\n:   {_escaped(record[1])}"


def _page(name: str, summary: str, top: str, body: str) -> str:
    others = "**imgtool**(1)" if name != "imgtool" else "**qemu-img**(1)"
    head = f"# NAME\n\n{name} - {_escaped(summary.rstrip('.'))}"
    return "\n\n".join(part for part in (head, top, body, f"# SEE ALSO\n\n{others}") if part) + "\n"


def _chapter(name: str) -> str:
    return _flat(chapters.markdown(name))


def _flat(text: str) -> str:
    """Without links: one to a chapter names that chapter's page."""
    return _LINK.sub(lambda match: match[1] + _pointer(match[2]), text)


def _pointer(target: str) -> str:
    name = target.removesuffix(".md")
    return f" (**imgtool-{name}**(1))" if name in chapters.CHAPTERS else ""


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_<>\[\]])", r"\\\1", text)


def _portable(roff: str) -> str:
    """Without what mandoc warns of: the font C, and a paragraph that begins right after a heading."""
    return re.sub(r"^(\.S[HS]\n.*\n)\.[LP]P\n", r"\1", roff.replace(r"\fC", r"\fB"), flags=re.MULTILINE)


def _roff(name: str, text: str) -> subprocess.CompletedProcess[str]:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    day = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    named = ["-M", f"title={name}", "-M", f"date={day:%Y-%m-%d}", "-M", f"source=imgtool {__version__}"]
    return subprocess.run([*LOWDOWN, *named], input=text, capture_output=True, text=True, check=False)
