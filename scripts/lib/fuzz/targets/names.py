"""A Linux guest whose files have other names: kernels, boot entries, units, packages are known by theirs."""

from functools import cache

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets import settings
from imgtool.guest.filesystems.base import GuestReadError

_MAX_NAMES = 5000


@cache
def _seeds() -> list[Seed]:
    return [Seed(name, "\n".join(settings.files_of(name)).encode()) for name in settings.LAYOUTS]


def _run(mutant: Mutant) -> str:
    """A line is a file's name; its content is that of the file which the line named before."""
    contents = list(settings.files_of(mutant.seed.name).values())
    lines = mutant.content.decode("utf-8", "surrogateescape").split("\n")[:_MAX_NAMES]
    tree: dict[str, bytes | seeds.Link] = {}
    above: set[str] = set()
    for number, line in enumerate(lines):
        parts = [part for part in line.split("/") if part not in {"", ".", ".."}]
        prefixes = {"/".join(parts[:length]) for length in range(1, len(parts))}
        path = "/".join(parts)
        if path and path not in above and not prefixes & tree.keys():
            tree[path] = contents[number % len(contents)]
            above |= prefixes
    return settings.read(tree)


TARGETS = (Target("names", _seeds, _run, (GuestReadError,), text=True, share=30),)
