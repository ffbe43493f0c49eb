"""GRUB's environment: variables, in contexts that open and close (grub-core/kern/env.c, normal/context.c)."""

from imgtool.guest.filesystems.base import GuestReadError

MAX_VARIABLES = 5000
MAX_VALUE_CHARACTERS = 64 << 10
ALWAYS_THERE = frozenset({"root", "prefix", "color_normal", "color_highlight", "pager"})
"""Variables that something listens to: `unset` leaves them empty."""


class Variables:
    """The variables of the current context."""

    def __init__(self) -> None:
        self._contexts: list[dict[str, str]] = [{}]

    def get(self, name: str) -> str | None:
        """The value; None where it is not set."""
        return self._contexts[-1].get(name)

    def set(self, name: str, value: str) -> None:
        """Gives it a value; `root` loses the parentheses around it. Raises GuestReadError beyond a bound."""
        current = self._contexts[-1]
        if len(value) > MAX_VALUE_CHARACTERS or len(current) > MAX_VARIABLES:
            raise GuestReadError("a GRUB script makes too many variables, or too long ones")
        if name == "root" and value.startswith("(") and value.endswith(")"):
            value = value[1:-1]
        current[name] = value

    def unset(self, name: str) -> None:
        """Takes it away."""
        if name in ALWAYS_THERE and name in self._contexts[-1]:
            self._contexts[-1][name] = ""
        else:
            self._contexts[-1].pop(name, None)

    def open_context(self) -> None:
        """Changes from here on are forgotten when the context closes; all that is set stays to be seen."""
        self._contexts.append(dict(self._contexts[-1]))

    def open_exported(self, exported: frozenset[str]) -> None:
        """Open a scope in which only exported variables stay visible."""
        self._contexts.append({k: v for k, v in self._contexts[-1].items() if k in exported})

    def close_context(self) -> None:
        """Back to the context before."""
        self._contexts.pop()

    @property
    def depth(self) -> int:
        """How many contexts are open."""
        return len(self._contexts)

    def all(self) -> dict[str, str]:
        """All that are set."""
        return dict(self._contexts[-1])
