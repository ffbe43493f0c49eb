"""What an image is called while it comes, and once another one has its name. Pure."""

import re

MAX_NAME = 255
"""Glance's bound, in characters."""
_FORMER = re.compile(r" \(replaced ([0-9a-f]{8})\)")


def temporary_name(name: str, image_id: str) -> str:
    """Return the name of a new image until it is verified, while an older one still has its name."""
    return _with_suffix(name, f" (new {image_id[:8]})")


def former_name(name: str, image_id: str) -> str:
    """Return the name that an image gets when it is replaced."""
    return _with_suffix(name, f" (replaced {image_id[:8]})")


def base_name(name: str, image_id: str) -> str:
    """Return the name that the image had before it was replaced; of a long one only its beginning is left."""
    found = _FORMER.search(name)
    return name[: found.start()] if found and name == former_name(name[: found.start()], image_id) else name


def _with_suffix(name: str, suffix: str) -> str:
    return name[: MAX_NAME - len(suffix)] + suffix
