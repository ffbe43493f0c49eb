"""What is looked for in a guest besides what always is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LookFor:
    """What a policy wants to be looked for in the guest, besides what always is."""

    modules: tuple[str, ...] = ()
    """Kernel modules, by the names that `lsmod` prints."""
    files: tuple[str, ...] = ()
    """Absolute guest paths; `*`, `?` and `[...]` stand for parts of one name, `**` for any directories."""


NOTHING_ELSE = LookFor()
"""What is looked for without a policy that asks for more."""
