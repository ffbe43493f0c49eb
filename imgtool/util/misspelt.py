"""What somebody may have meant who wrote a name that there is not."""

from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar of the names; None where none is similar."""
    import difflib  # noqa: PLC0415 - loaded only where something is wrong

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def hint(name: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether the most similar name is meant, or say `otherwise`."""
    meant = closest(name, known)
    return otherwise if meant is None else f"did you mean {meant}?"
