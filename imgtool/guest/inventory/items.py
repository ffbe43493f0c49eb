"""Names and what is said of them, printable and of a size that can be compared and shown."""

import hashlib
from collections.abc import Iterable

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.inventory import Items
from imgtool.util.text import printable

MAX_ITEMS = 20_000
"""Of one kind. A full desktop has 600 units, and 3,000 lines of settings."""
MAX_CHARACTERS = 300
"""Of what is said of one name; of more the beginning is shown, and a hash of all of it."""
MAX_BYTES = 1 << 20
"""Of one file of settings."""


def items(found: Iterable[tuple[str, str]], what: str) -> Items:
    """The names, sorted; one that is said twice keeps what was said first. Raises GuestReadError."""
    kept: dict[str, str] = {}
    for name, said in found:
        kept.setdefault(shown(name), shown(said))
        if len(kept) > MAX_ITEMS:
            raise GuestReadError(f"{what}: more than {MAX_ITEMS}")
    return dict(sorted(kept.items()))


def shown(text: str) -> str:
    """`text` printable; a long one is told by its beginning and by its hash."""
    text = printable(text)
    if len(text) <= MAX_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[:MAX_CHARACTERS]}... (sha256 {digest})"


def lines(tree: GuestTree, path: str) -> list[str]:
    """The lines of a file of settings without blanks around them; none where there is no such file."""
    content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
    return [line.strip() for line in (content or b"").decode("utf-8", "replace").splitlines()]
