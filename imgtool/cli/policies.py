"""`--policy FILE|PROFILE`, `--select` and `--ignore`: by what images are judged."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.cli import completions
from imgtool.model.choice import CheckChoice

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

NO_CHOICE = CheckChoice()

PROFILE_NAMES = ("openstack", "strict", "minimal", "data")
"""For the help, which loads nothing (a test compares)."""

option = click.option(
    "--policy",
    metavar="FILE|PROFILE",
    shell_complete=completions.policies,
    default=OPENSTACK.name,
    show_default=True,
    help=f"Policy to apply: a YAML file, or one of {', '.join(PROFILE_NAMES)}. `imgtool explain --policy`"
    " shows what is in force.",
)


def choice(function: Decorated) -> Decorated:
    """Gives the command `choice`, gathered from --select and --ignore."""

    @functools.wraps(function)
    def gathered(*, selected: tuple[str, ...], ignored: tuple[str, ...], **others: Any) -> Any:
        return function(choice=CheckChoice(selected, ignored), **others)

    command: Any = gathered
    for name, parameter, text in (
        ("--ignore", "ignored", "Do not run this check; reports say so."),
        ("--select", "selected", "Run only this check, also if the policy turns it off."),
    ):
        shown = f"{text} Repeatable, or several with commas between. Default: as the policy says."
        command = click.option(
            name,
            parameter,
            multiple=True,
            metavar="CHECK",
            callback=checks_named,
            shell_complete=completions.checks,
            help=shown,
        )(command)
    return cast("Decorated", command)


def checks_named(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once. Raises UsageError where there is no such check."""
    names = dict.fromkeys(name.strip() for value in values for name in value.split(","))
    if not names:
        return ()
    from imgtool.checks.registry import named_check  # noqa: PLC0415 - only for who names checks

    return tuple(named_check(name).name for name in names)


def chosen(name: str, choice: CheckChoice = NO_CHOICE) -> Policy:
    """The policy of that name, with the choice over it. Raises UsageError that names file, line and key."""
    if name == OPENSTACK.name and choice == NO_CHOICE:
        return OPENSTACK
    from imgtool.policy.choice import with_choice  # noqa: PLC0415 - only for who asks for another
    from imgtool.policy.load import load_policy  # noqa: PLC0415 - the same

    return with_choice(load_policy(name), choice)
