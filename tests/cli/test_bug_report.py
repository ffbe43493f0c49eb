import json
from pathlib import Path
from urllib.parse import quote

import pytest

from imgtool.cli.bug_report import write_bug_report
from imgtool.cli.console import bug

PASSWORD = "s3cret/with 'quotes' & more"  # noqa: S105 - of nobody


@pytest.fixture
def error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BaseException:
    """Somebody put what the variable OS_PASSWORD holds into an exception, in one form after the other."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("OS_PASSWORD", PASSWORD)
    forms = [PASSWORD, repr(PASSWORD), json.dumps([PASSWORD]), quote(PASSWORD, safe="")]
    return LookupError(" and ".join(forms))


def test_what_a_variable_holds_is_nowhere_in_the_report(error: BaseException) -> None:
    report = Path(write_bug_report(error, ["upload", "--property", "admin_pass=a quick def"])).read_text()
    assert "LookupError: *** and" in report
    assert not [word for word in ("s3cret", "quotes", "quick") if word in report]


def test_nor_in_the_line_that_is_shown(error: BaseException) -> None:
    assert "s3cret" not in bug(error, "").message
