"""What a shell offers for the values of options and arguments. Each loads what it needs when it is asked."""

from collections.abc import Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from imgtool.errors import ImgtoolError

Items = list[CompletionItem]


def clouds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The clouds of clouds.yaml, by openstacksdk's rules."""
    from imgtool.glance.configuration import cloud_names  # noqa: PLC0415 - half a second

    try:
        return _plain(cloud_names(), incomplete)
    except ImgtoolError:  # it is told when the command runs, and not into the line that is typed
        return []


def checks(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The checks; after a comma the next one."""
    from imgtool.checks import registry  # noqa: PLC0415 - all of them

    before, comma, begun = incomplete.rpartition(",")
    found = (check for check in registry.all_checks() if check.name.startswith(begun))
    return [
        CompletionItem(f"{before}{comma}{check.name}", help=_summary(registry.explanation(check)))
        for check in found
    ]


def policies(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The profiles; what is none of them is a file."""
    from imgtool.cli.policies import PROFILE_NAMES  # noqa: PLC0415 - it imports this

    return _plain(PROFILE_NAMES, incomplete) or [CompletionItem(incomplete, type="file")]


def reports(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The formats, and after the equals sign a file."""
    from imgtool.report.registry import REPORTS  # noqa: PLC0415 - loaded only where it is needed

    report_format, equals, path = incomplete.partition("=")
    if equals and report_format in REPORTS:
        return [CompletionItem(path, type="file")]
    return _plain((f"{name}=" for name in REPORTS), incomplete)


def topics(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The chapters of the manual, and the commands that they explain."""
    from imgtool.cli.chapters import CHAPTERS  # noqa: PLC0415 - loaded only where it is needed

    return _plain([*CHAPTERS, *(name for names in CHAPTERS.values() for name in names)], incomplete)


def script(command: click.Command, shell: str) -> str:
    """Return what `shell` reads in order to ask `imgtool` for completions, as click makes it."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - seldom needed

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - the command knows these shells only
    return found(command, {}, "imgtool", VARIABLE).source()


VARIABLE = "_IMGTOOL_COMPLETE"
"""By which the script asks; click makes this name of the program's."""


def _plain(names: Iterable[str], incomplete: str) -> Items:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _summary(text: str) -> str:
    return text.partition("\n")[0]


def group_items(commands: Iterable[tuple[str, str]], incomplete: str) -> Iterator[CompletionItem]:
    """The commands with their short helps, none of which is loaded."""
    return (CompletionItem(name, help=text) for name, text in commands if name.startswith(incomplete))
