"""What breaks off on its way is continued, where the server can, and where it is the same file still."""

import os

import pytest
from support.web import Site

from imgtool.errors import FetchError
from imgtool.fetch import transfer
from imgtool.fetch.transfer import Transfer

CONTENT = os.urandom(3 << 20)
THIRD = len(CONTENT) // 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSES_SECONDS", (0.01, 0.01))


def read(url: str) -> bytes:
    with Transfer(url) as opened:
        return b"".join(opened.chunks())


def test_it_goes_on_where_it_broke_off(site: Site) -> None:
    url = site.put("/disk.raw", CONTENT)
    site.torn = [THIRD, 5, THIRD]
    assert read(url) == CONTENT
    ranges = [asked for _, asked in site.asked]
    assert ranges == ["", f"bytes={THIRD}-", f"bytes={THIRD + 5}-", f"bytes={2 * THIRD + 5}-"]


def test_it_gives_up_where_nothing_more_comes(site: Site) -> None:
    url = site.put("/disk.raw", CONTENT)
    site.torn = [THIRD, 0, 0, 0]
    with pytest.raises(FetchError, match=f"broke off after {THIRD} of {len(CONTENT)} bytes"):
        read(url)
    assert len(site.asked) == 3


def test_another_file_is_not_put_behind_the_first_one(site: Site) -> None:
    url = site.put("/disk.raw", CONTENT)
    site.torn = [THIRD]
    with Transfer(url) as opened:
        chunks = opened.chunks()
        next(chunks)
        site.put("/disk.raw", bytes(reversed(CONTENT)))
        with pytest.raises(FetchError, match="broke off"):
            list(chunks)


def test_a_server_that_cannot_continue_is_not_asked_to(site: Site) -> None:
    url = site.put("/disk.raw", CONTENT)
    site.resumes, site.torn = False, [THIRD]
    with pytest.raises(FetchError, match=f"broke off after {THIRD} of"):
        read(url)
    assert len(site.asked) == 1
