import pytest

from imgtool.errors import CloudError
from imgtool.glance.answer import MAX_WORDS, Answer, loads, plain_words

PAGE = """<html><head><title>413 Request Entity Too Large</title></head>
<body><h1>413 Request Entity Too Large</h1>The incoming image is <b>too</b> large &amp; so on<br /><br />
</body></html>"""


def test_a_page_is_stripped_to_its_message() -> None:
    assert plain_words(PAGE, None) == "The incoming image is too large & so on"


@pytest.mark.parametrize("document", [{"error": {"message": "no token"}}, {"message": "no token"}])
def test_a_json_error_gives_its_message(document: object) -> None:
    assert plain_words("ignored", document) == "no token"


@pytest.mark.parametrize("document", [None, [], {"error": "x"}, {"error": {"error": {}}}, {"message": 3}])
def test_other_json_falls_back_to_the_text(document: object) -> None:
    assert plain_words("plain", document) == "plain"


def test_what_a_terminal_could_take_for_a_command_is_escaped() -> None:
    assert "\x1b" not in plain_words("red \x1b[31m now", None)


def test_scripts_are_left_out_and_length_is_bounded() -> None:
    words = plain_words("<script>alert(1)</script>" + "x" * 10_000, None)
    assert "alert" not in words
    assert len(words) <= MAX_WORDS + 3


def test_a_broken_page_is_no_error() -> None:
    assert plain_words("<html><</b></title>left <", None).startswith("<")


def test_an_answer_shows_status_and_words() -> None:
    assert str(Answer(503, "busy")) == "HTTP 503: busy"
    assert str(Answer(502, "")) == "HTTP 502"
    assert Answer(204, "").ok


def test_mark_up_in_a_message_is_left_out() -> None:
    """As some policies' messages have it."""
    document = {"message": "You may not.<br /><br />Use an import &amp; wait.\n\n"}
    assert plain_words("", document) == "You may not. Use an import & wait."


def test_a_token_that_a_server_repeats_is_masked() -> None:
    assert plain_words("", {"message": "bad X-Auth-Token: gAAAAABhunter2"}) == "bad X-Auth-Token: ***"


@pytest.mark.parametrize("content", [b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"{", b"\xff"])
def test_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind
        loads(content)


@pytest.mark.parametrize("document", [None, [], 3, "x" * 10**6, True, 1e999])
def test_a_document_that_is_no_object(document: object) -> None:
    with pytest.raises(CloudError, match="the answer to GET http://x is not understood") as caught:
        Answer(200, "", document, "GET http://x").mapping()
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("rows", [3, "x", {"a": 1}, [3], [[]]])
def test_rows_that_are_none(rows: object) -> None:
    with pytest.raises(CloudError, match="and not a list of objects"):
        Answer(200, "", {"images": rows}).rows("images")


def test_rows() -> None:
    assert Answer(200, "", {"images": [{"id": "a"}]}).rows("images") == [{"id": "a"}]
    assert Answer(200, "", {}).rows("images") == []
