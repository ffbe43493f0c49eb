"""jinja2, set up so that no text of an image can become markup, or deceive the eye.

Every value is escaped by jinja2 and before that made printable, so that bidirectional overrides and control
characters are seen. The page's own policy forbids scripts and all loading, should anything slip through.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from imgtool.util.text import human_size, printable

TEMPLATES = Path(__file__).with_name("templates")


def environment() -> Environment:
    """Loads the templates of this package; a value that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"commands": commands, "human_size": human_size, "lines": lines}
    return made


def commands(text: str) -> Markup:
    """What stands between backticks as code, to be copied; all of it escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its like
        return escape(printable(text))
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(printable(part)) if index % 2 else escape(printable(part))
        for index, part in enumerate(parts)
    )


def lines(text: str) -> Markup:
    """Our own text of several lines: the line breaks stay, and nothing else that is not printable."""
    return Markup("\n").join(escape(printable(line)) for line in text.splitlines())


def _finalize(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
