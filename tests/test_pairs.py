"""A few rows of a table that have each of its pairs of values."""

from itertools import combinations, product

from support.pairs import with_every_pair


def test_each_pair_is_in_some_row_of_a_few() -> None:
    rows = list(product("ab", "cd", "efg", "hi", range(20)))
    chosen = with_every_pair(rows)
    found = {pair for row in chosen for pair in combinations(row, 2)}
    assert found == {pair for row in rows for pair in combinations(row, 2)}
    assert len(chosen) == 20 * 3
