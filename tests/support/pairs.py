"""Few rows of a large table, in which any two values that stand together in some row still do so."""

from collections.abc import Sequence
from itertools import combinations
from typing import TypeVar

Row = TypeVar("Row", bound=tuple[object, ...])


def with_every_pair(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Choose rows, each time one with the most pairs that no chosen one has: not the fewest, but few.

    Most faults take one value or two that come together: Kuhn, Kacker, Lei, Practical Combinatorial Testing,
    NIST SP 800-142.
    """
    pairs = {row: frozenset(combinations(enumerate(row), 2)) for row in rows}
    left = set[object]().union(*pairs.values())
    chosen = []
    while left:
        best = max(rows, key=lambda row: len(pairs[row] & left))
        chosen.append(best)
        left -= pairs[best]
    return tuple(chosen)
