"""Which URLs name a source, and how they are shown."""

import pytest

from imgtool.errors import UsageError
from imgtool.fetch import urls


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/b", "file:///etc/passwd", "http://", "https://u:p@host/a", "https://:p@host/a",
        "http://host:x/a", "http://[::1/a", "http://host/a b", "http://host/\u00e4",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        urls.check_url(url)
    assert "u:p" not in caught.value.message


def test_neither_query_nor_password_is_shown() -> None:
    assert urls.without_query("https://u:p@host/a?key=secret#x") == "https://host/a"
    url = urls.check_url("https://host/disks/a%20b.qcow2?key=secret")
    assert (url.shown, url.file_name) == ("https://host/disks/a%20b.qcow2", "a b.qcow2")
    assert "secret" not in str(url)
