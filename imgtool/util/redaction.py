"""Secrets out of text that somebody will read: bug reports, messages of servers and libraries.

A secret is known by the name before it (`password=`, `"token": `, `X-Auth-Token:`), by its own form (a
private key, a token of Keystone, `user:password@host`), or by its value where that is given. Where it is not
certain how far a secret goes, more is masked rather than less. Every pattern takes linear time: the text may
be hostile.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from urllib.parse import quote, quote_plus

MASK = "***"
_DONE = "\ufdd0"
"""In place of the mask until all is masked: a character that no text has, so no secret can begin with it."""

_NAMES_SECRET = re.compile(
    r"pass(?:w|phrase|code)|token|secret|credential|private.?key|api.?key", re.IGNORECASE
)
_NAME = (
    r"(?<!/auth/)(?:passw(?:ord|d)?|passphrase|passcode|pwd|secret|token|credential|authorization|signature"
    r"|cookie|(?:admin|root|user|db|[_-])pass(?![a-z])|(?:api|access|private|account|shared|auth)[_.-]?key)"
)
"""/auth/tokens is where Keystone signs in, and no setting."""
_KEY = rf"{_NAME}[\w.-]{{0,64}}"
"""The end of a setting's name: what stands before it is kept as it is."""
_OPEN = r"[bru]{0,2}\\*"
_QUOTED = (
    r"""(?:'''.*?(?:'''|\Z)|\""".*?(?:\"""|\Z)"""
    r"""|'(?:\\++.?|[^'\\]++)*+(?:'|\Z)|"(?:\\++.?|[^"\\]++)*+(?:"|\Z))(?:[^\s,;:)\]}>&'"\\]\S*)?"""
)
"""A text in quotes, perhaps of several lines; one without an end goes on to the end of all.

What follows without a blank is of the secret as well, unless it is what follows in a list or mapping."""
_SCHEME = r"(?:(?:Bearer|Basic|Digest|Token|Negotiate)(?:[ \t]|%20)+)?"
_BLANK = r"(?:[ +]|%20)"

_PRIVATE_KEY = (
    rf"-----BEGIN{_BLANK}(?:[A-Z0-9]{{1,16}}{_BLANK}){{0,3}}PRIVATE{_BLANK}KEY"
    rf".*?(?:-----END{_BLANK}(?:[A-Z0-9]{{1,16}}{_BLANK}){{0,3}}KEY-----|\Z)"
)
_WORDS_IN_QUOTES = tuple(
    rf"({quote}[^{quote}\\\n]{{0,200}}?{_KEY}[ \t]*[=:])(?![ \t]*['\"])(?:\\++[^\n]?|[^{quote}\\\n]++)*+"
    for quote in ("'", '"')
)
"""A word of a list of arguments that holds a setting: 'password=with blanks'."""

_PATTERNS = (
    f"(){_PRIVATE_KEY}",
    *_WORDS_IN_QUOTES,
    # A block of YAML: `password: |`, and the lines below that are set in.
    rf"({_KEY}['\"]?[ \t]*:[ \t]*[|>][^\n]*\n)(?:(?:[ \t]+[^\n]*)?\n|[ \t]+[^\n]*\Z)+",
    # Two words of a list or a tuple: '--os-password', 'x'.
    rf"({_KEY}\\*['\"]\s*,\s*)(?:{_OPEN}{_QUOTED}|[^\n]+)",
    # password='x', "password": "x", password => 'x'
    rf"({_KEY}\\*['\"]?\]?\s*(?:=>|=|:)\s*){_OPEN}{_QUOTED}",
    # password: x, to the end of the line; a header's value, too.
    rf"({_KEY}\\*['\"]?\]?[ \t]*:(?:[ \t]*\n[ \t]+|[ \t]*))(?![\s{_DONE}])[^\n]+",
    # A line of a file of settings: password = x y
    rf"^([ \t]*[\w.-]{{0,64}}?{_KEY}[ \t]+=[ \t]+)(?![\s{_DONE}])[^\n]+",
    # password=x, also percent-encoded
    rf"({_KEY}(?:%22|%27)?[ \t]*(?:=>?|%3D|%3A)[ \t]*)(?![\s{_DONE}]){_SCHEME}\S+",
    rf"((?<![\w-])--[\w-]{{0,64}}?{_NAME}[\w-]{{0,64}}[ \t]+)(?:{_QUOTED}|\S+)",
    # <password>x</password>
    rf"(<[\w:.-]{{0,64}}?{_NAME}[\w:.-]{{0,64}}(?:\s[^<>]*)?>)[^<]+",
    # https://user:password@host, https://token@host
    r"(://)[^\s/:@]{0,255}:\S{0,2000}@",
    r"(://)[^\s/:@'\"<>]{1,2000}@",
    r"(%3A%2F%2F)\S{0,2000}%40",
    # Tokens of Keystone (Fernet), and of JSON (RFC 7519)
    r"()\bgAAAA[\w-]{20,}=*",
    r"()\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?",
)

_CREDENTIALS_IN_URL = re.compile(r"(?<=://)(?:[^\s/:@]{0,255}:\S{0,2000}|[^\s/:@'\"<>]{1,2000})@")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with everything masked that looks like a secret, and all `secrets`, in whatever encoding."""
    text = text.replace(_DONE, "")
    for secret in sorted(secrets, key=len, reverse=True):
        text = _without(text, secret)
    for pattern in _patterns():
        text = pattern.sub(_masked, text)
    return text.replace(_DONE, MASK)


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when the first text needs them, which takes longer than all of `imgtool --help`."""
    flags = re.IGNORECASE | re.DOTALL | re.MULTILINE
    return tuple(re.compile(pattern, flags) for pattern in _PATTERNS)


def without_credentials(text: str) -> str:
    """`text` whose URLs name no user, password or token."""
    return _CREDENTIALS_IN_URL.sub("", text)


def names_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret."""
    return _NAMES_SECRET.search(name) is not None


def secrets_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values of those OS_* `variables` that hold a secret."""
    names = (name for name in variables if name.startswith("OS_") and names_secret(name))
    return tuple(variables[name] for name in names if variables[name].strip())


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}{_DONE}"


_SHORT = 4
"""Characters: a shorter secret could be a part of any word, and is masked as a word only."""


def _without(text: str, secret: str) -> str:
    """Masked as it stands, as a repr, in JSON and in a URL; each line of one of several."""
    lines = [secret, *(line for line in secret.splitlines() if len(line) > _SHORT)]
    forms = {form for line in lines for form in _forms(line)}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SHORT:
            text = text.replace(form, _DONE)
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _DONE, text)
    return text


def _forms(secret: str) -> set[str]:
    """How it may be written: as it is, percent-encoded, as Python and JSON do, and that once more in JSON."""
    encoded = {quote(secret, safe=safe, errors="replace") for safe in ("", "/")}
    written = {repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    nested = {json.dumps(one)[1:-1] for one in written}
    return {secret, quote_plus(secret, errors="replace"), *encoded, *written, *nested}
