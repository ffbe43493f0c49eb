"""What a server answered, and its own words for a person: no mark-up, no control characters, bounded."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from imgtool.text import printable

MAX_WORDS = 400
"""Characters of a server's message that are shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and content of one response; `document` is its JSON, None where it has none."""

    status: int
    words: str
    document: Any = None

    @property
    def ok(self) -> bool:
        """It is a 2xx."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.words}" if self.words else f"HTTP {self.status}"


def plain_words(content: str, document: Any) -> str:
    """The message in a response: of OpenStack's JSON errors, else of the text or HTML page."""
    message = _json_message(document)
    words = message if message is not None else _Text.of(content)
    words = printable(" ".join(words.split()))
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "..."


def _json_message(document: Any) -> str | None:
    """`{"error": {"message": ...}}` as keystonemiddleware says it, or `{"message": ...}`."""
    for _ in range(2):
        if not isinstance(document, dict):
            return None
        if isinstance(document.get("message"), str):
            return str(document["message"])
        document = document.get("error")
    return None


class _Text(HTMLParser):
    """Collects the text of a page apart from its title and heading, which repeat the status."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._hidden = 0

    @classmethod
    def of(cls, content: str) -> str:
        parser = cls()
        parser.feed(content[: 16 * MAX_WORDS])
        parser.close()
        return " ".join(parser._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _NOT_SHOWN

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _NOT_SHOWN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(data)


_NOT_SHOWN = {"title", "h1", "script", "style"}
