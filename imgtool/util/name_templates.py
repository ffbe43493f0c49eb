"""Names for many images by one template: `{stem}` in it stands for what each one's file is called.

`{steam}` would be a name that many images are to have: what looks like a placeholder is one, or an error.
"""

import re
from collections.abc import Callable

from imgtool.errors import UsageError
from imgtool.util import misspelt
from imgtool.util.text import printable

STEM = "{stem}"
"""The source's name without endings such as .qcow2 and .gz."""

_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_KNOWN = ("stem",)


def filled(template: str, stem: Callable[[], str]) -> str:
    """The template with its placeholders filled in; `stem` is asked only where it is needed.

    Raises UsageError for a placeholder that there is not.
    """
    for found in _PLACEHOLDER.finditer(template):
        if found[1] not in _KNOWN:
            meant = misspelt.closest(found[1], _KNOWN)
            raise UsageError(
                f"{printable(template)}: there is no placeholder {{{found[1]}}}",
                hint=f"did you mean {STEM}?" if meant else f"the only one is {STEM}",
            )
    return template.replace(STEM, stem()) if STEM in template else template
