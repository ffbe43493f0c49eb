"""Whether what a package database calls a licence is an expression of SPDX's identifiers.

The list is the one that comes with cyclonedx-python-lib. What is none is given as a text: RPM's older
`GPLv2+` and Arch's `custom` say something, and are no identifiers.
"""

import re
from functools import cache

from cyclonedx.spdx import is_supported_id

_WORDS = re.compile(r"[()]|[^\s()]+")
_OPERATORS = frozenset({"AND", "OR"})


@cache
def is_expression(text: str) -> bool:
    """Whether `text` is made of known identifiers with AND, OR, WITH and parentheses between them."""
    words = _WORDS.findall(text)
    depth, wants_licence, after_with = 0, True, False
    for word in words:
        if word in "()":
            depth += 1 if word == "(" else -1
            if depth < 0 or (word == "(") != wants_licence:
                return False
        elif wants_licence:
            if not (after_with or _is_licence(word)):
                return False
            wants_licence, after_with = False, False
        elif word in _OPERATORS or word == "WITH":
            wants_licence, after_with = True, word == "WITH"
        else:
            return False
    return bool(words) and not wants_licence and not depth


def _is_licence(word: str) -> bool:
    """`GPL-2.0+` was written so before SPDX 3.0 of its list."""
    return bool(is_supported_id(word) or is_supported_id(word.removesuffix("+")))
