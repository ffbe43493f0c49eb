"""How the tests compare what a page shows with what a command prints."""

from pathlib import Path

import pytest
from support.documentation import matches

FOLDER = Path("/somewhere/page")
OUTPUT = """\
image /somewhere/page/a.raw
  size    12.5 MiB
  id      0a1b2c3d-0000-4000-8000-0123456789ab

PASS  3 checks
"""


@pytest.mark.parametrize(
    "shown",
    [
        ("...",),
        ("image /srv/images/a.raw", "..."),
        ("image /srv/images/a.raw", "  size   7 MiB", "...", "PASS  36 checks"),
        ("...", "  size ...", "..."),
        ("...", "PASS ..."),
        ("...", "  id      ffffffff-1111-4111-8111-ffffffffffff", "", "PASS  3 checks"),
    ],
)
def test_it_is_what_the_page_shows(shown: tuple[str, ...]) -> None:
    assert matches(shown, OUTPUT, FOLDER)


@pytest.mark.parametrize(
    "shown",
    [
        ("image /srv/images/a.raw",),
        ("...", "FAIL ..."),
        ("  size ...", "..."),
        ("...", "PASS  3 checks", "..."  , "image ...", "..."),
        ("...", "  size    12.5 MiB"),
        ("...", "size    12.5 GiB", "..."),
        ("image /srv/images/a.raw", "PASS  3 checks"),
    ],
)  # fmt: skip
def test_it_is_not(shown: tuple[str, ...]) -> None:
    assert not matches(shown, OUTPUT, FOLDER)


def test_what_prints_nothing_shows_nothing() -> None:
    assert matches((), "", FOLDER)
    assert not matches((), OUTPUT, FOLDER)
