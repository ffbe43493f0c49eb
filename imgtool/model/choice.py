"""Which of a policy's checks the command line wants, and which not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckChoice:
    """What `--select` and `--ignore` name."""

    selected: tuple[str, ...] = ()
    """Only these run; none named: all of the policy's."""
    ignored: tuple[str, ...] = ()
    """These do not run, also where they are selected."""
