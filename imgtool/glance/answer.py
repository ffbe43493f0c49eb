"""What a server answered, and its own words for a person: no mark-up, no control characters, bounded."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from imgtool.errors import CloudError
from imgtool.util.redaction import redact
from imgtool.util.text import printable

MAX_WORDS = 400
"""Characters of a server's message that are shown."""
_LARGE = 1e24


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and content of one response; `document` is its JSON, None where it has none."""

    status: int
    words: str
    document: Any = None
    source: str = "a request"
    """Method and address of the request."""

    @property
    def ok(self) -> bool:
        """It is a 2xx."""
        return 200 <= self.status < 300

    def mapping(self) -> dict[str, Any]:
        """The document, which has to be a JSON object. Raises CloudError."""
        if not isinstance(self.document, dict):
            what = kind_of(self.document) if self.document is not None else f"no JSON: {self.words[:100]!r}"
            raise not_understood(self.source, f"it is {what}, and not an object")
        return self.document

    def rows(self, key: str) -> list[dict[str, Any]]:
        """The objects that the document lists as `key`; none where it has no such key. Raises CloudError."""
        found = self.mapping().get(key)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise not_understood(self.source, f"{key} is {kind_of(found)} and not a list of objects")
        return found

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.words}" if self.words else f"HTTP {self.status}"


def not_understood(source: str, why: str) -> CloudError:
    """Return the error for an answer that does not follow the API."""
    return CloudError(
        f"the answer to {source} is not understood: {why}", hint="is there really Glance at that address?"
    )


def kind_of(value: object) -> str:
    """What a value of JSON is, for a message; short, whatever it holds."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {str(value)[:24]}" if abs(value) < _LARGE else "a number beyond all bounds"
        case str():
            return f"the text {printable(value[:60])!r}"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "an object"


def loads(content: bytes) -> Any:
    """JSON by RFC 8259, which has no NaN and no Infinity. Raises ValueError."""
    return json.loads(content, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def plain_words(content: str, document: Any) -> str:
    """The message in a response: of OpenStack's JSON errors, else of the text or HTML page."""
    message = _json_message(document)
    words = _Text.of(message if message is not None else content)
    words = printable(redact(" ".join(words.split())))
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "..."


def _json_message(document: Any) -> str | None:
    """`{"error": {"message": ...}}` as keystonemiddleware says it, `{"badRequest": {"message": ...}}` as Nova
    does, or `{"message": ...}`."""
    for _ in range(2):
        if not isinstance(document, dict):
            return None
        if isinstance(document.get("message"), str):
            return str(document["message"])
        document = document.get("error") or (next(iter(document.values())) if len(document) == 1 else None)
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
