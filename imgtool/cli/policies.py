"""`--policy FILE|PROFILE`: by what images are judged."""

import click

from imgtool.checks.policy import OPENSTACK, Policy

PROFILE_NAMES = ("openstack", "strict", "minimal", "data")
"""For the help, which loads nothing (a test compares)."""

option = click.option(
    "--policy",
    metavar="FILE|PROFILE",
    default=OPENSTACK.name,
    show_default=True,
    help=f"Policy to apply: a YAML file, or one of {', '.join(PROFILE_NAMES)}. `imgtool explain --policy`"
    " shows what is in force.",
)


def chosen(name: str) -> Policy:
    """The policy of that name. Raises UsageError that names file, line and key."""
    if name == OPENSTACK.name:
        return OPENSTACK
    from imgtool.policy.load import load_policy  # noqa: PLC0415 - only for who asks for another

    return load_policy(name)
