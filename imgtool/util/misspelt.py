"""What somebody may have meant who wrote a name that there is not."""

from collections.abc import Iterable

SIMILAR = 0.6
"""How much of two names has to be alike: difflib's usual bound."""


def closest(name: str, known: Iterable[str], similar: float = SIMILAR) -> str | None:
    """Return the most similar of the names; None where none is similar."""
    import difflib  # noqa: PLC0415 - loaded only where something is wrong

    return next(iter(difflib.get_close_matches(name, list(known), 1, similar)), None)


def advice(name: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether the most similar name is meant, where there is one, and say `otherwise` in any case."""
    meant = closest(name, known)
    return otherwise if meant is None else f"did you mean {meant}? {otherwise}"


def hint(name: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether the most similar name is meant, or say `otherwise`."""
    meant = closest(name, known)
    return otherwise if meant is None else f"did you mean {meant}?"
