import pytest

from imgtool.util import waiting


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0)


def test_it_is_tried_until_it_succeeds() -> None:
    tries = iter([False, False, True])
    assert waiting.until(lambda: next(tries), lambda: False)
    assert list(tries) == []


def test_it_is_tried_once_even_where_there_is_no_time() -> None:
    assert waiting.until(lambda: True, lambda: True)


def test_it_is_given_up() -> None:
    assert not waiting.until(lambda: False, waiting.after(0.01))
