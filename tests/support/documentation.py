"""What users read: README.md and the chapters in docs/."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "README.md"
DOCS = CHECKOUT / "docs"
PAGES = (README, *sorted(DOCS.glob("*.md")))


def everything() -> str:
    """The text of all pages."""
    return "\n".join(page.read_text() for page in PAGES)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of `language` on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def example(name: str) -> str:
    """The file that the pages show as YAML and that begins with its own name as a comment."""
    found = [block for page in PAGES for block in blocks(page, "yaml") if block.startswith(f"# {name}\n")]
    (text,) = found
    return text


def policy_example() -> str:
    """The policy file that docs/policies.md shows."""
    return example("policy.yaml")


def configuration_example() -> str:
    """The configuration file that docs/command-line.md shows."""
    (text,) = blocks(DOCS / "command-line.md", "toml")
    return text


def manifest_example() -> str:
    """The manifest that docs/many-images.md shows."""
    return example("images.yaml")


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a page as a shell gets it, the status that the page says, and what it shows."""

    command: str
    status: int
    shown: tuple[str, ...]


def examples(page: Path) -> list[Example]:
    """The commands in the blocks `sh` (without output) and `console` (`$ command`, then its output)."""
    found = [
        Example(line, 0, ("...",))
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line and not line.startswith("#")
    ]
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            if command == "echo $?":
                found[-1] = Example(found[-1].command, int(shown[0]), found[-1].shown)
            else:
                found.append(Example(command, 0, tuple(shown)))
    return found


_VARYING = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b|[0-9]+(?:[.][0-9]+)*"
)


def matches(shown: tuple[str, ...], output: str, folder: Path) -> bool:
    """Whether `output` is what the page shows. `...` is any text in a line, and alone any number of lines.

    Numbers, ids and hashes are compared by their places only, and so are spaces, whose number depends on
    them. The pages call the folder of the examples /srv/images.
    """
    text = "".join(f"{line}\n" for line in _without_figures(_placed(output, folder)).splitlines())
    position, gap = 0, False
    for is_gap, lines in groupby((*shown, None), key=lambda line: line == "..."):
        if is_gap:
            gap = True
            continue
        pattern = "".join(r"\Z" if line is None else _pattern(line) for line in lines)
        expression = re.compile(pattern, re.MULTILINE)
        found = expression.search(text, position) if gap else expression.match(text, position)
        if found is None:
            return False
        position, gap = found.end(), False
    return True


def _placed(output: str, folder: Path) -> str:
    return output.replace(str(folder), "/srv/images").rstrip()


def _pattern(line: str) -> str:
    parts = [re.escape(_without_figures(part)) for part in line.split("...")]
    return f"^ ?{' ?.* ?'.join(parts)}$\n"


def _without_figures(text: str) -> str:
    return "\n".join(" ".join(_VARYING.sub("#", line).split()) for line in text.splitlines())


MAPPINGS = {
    "evidence", "unknown", "properties", "property_reasons", "modules", "late_modules", "parameters",
    "image_ids", "counts", "sbat",
    "units", "users", "groups", "sudoers", "sshd", "cloud-config", "privileged", "files",
}  # fmt: skip
"""Keys of JSON whose value has keys that are data: names of properties, of modules, of clouds."""


def undocumented_keys(document: Any) -> list[str]:
    """The keys of a JSON document that no page names as code."""
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", everything()))))
    return sorted(set(_keys(document)) - named)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield key
            if key not in MAPPINGS:
                yield from _keys(below)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for below in value:
            yield from _keys(below)
