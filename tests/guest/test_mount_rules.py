"""Options of a mount, as the kernel takes or refuses them."""

import pytest
from support.mount_options import ELSEWHERE, ROWS

from imgtool.guest.mount_rules import refused_option

RELEASE = (6, 1)


@pytest.mark.parametrize(
    ("row", "taken"), [pair for pair in ROWS.items() if pair[0] not in ELSEWHERE], ids=str
)
def test_an_option_is_taken_or_refused(row: tuple[str, str], *, taken: bool) -> None:
    kind, options = row
    assert (refused_option(kind, options.split(","), RELEASE) is None) is taken
