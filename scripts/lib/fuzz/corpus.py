"""Keeps inputs as files, and reads them again: tests/fuzz/corpus/TARGET/NAME.json.

What is small is kept as a whole, compressed: it means the same whatever its seed becomes. Of a disk, and of
what is large, the seed's name and the edits are kept; fixtures do not change without notice.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.model import Case, Edit, Find, Seed, Target
from fuzz.mutant import Mutant

CORPUS = Path(__file__).resolve().parents[3] / "tests/fuzz/corpus"
MAX_WHOLE_BYTES = 8 << 10
"""Compressed."""


def save(target: Target, find: Find, folder: Path = CORPUS) -> Path:
    """Write the find's input; its file is named after what it did."""
    seed = next(seed for seed in target.seeds() if seed.name == find.case.seed)
    entry: dict[str, Any] = {
        "what": find.where if find.where.startswith(find.kind) else f"{find.kind}: {find.where}",
        "seed": find.case.seed,
    }
    whole = _packed(seed, find.case)
    if whole is None:
        entry["edits"] = [[edit.offset, edit.length, edit.data.hex()] for edit in find.case.edits]
    else:
        entry["content"] = whole
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
    text = f"{{\n{lines}\n}}\n"
    words = re.sub(r"[^a-z0-9]+", "-", find.where.lower()).strip("-")[:60]
    path = folder / target.name / f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:6]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def entries(folder: Path = CORPUS) -> Iterator[tuple[str, Path]]:
    """Name of the target and path, of all."""
    for path in sorted(folder.glob("*/*.json")):
        yield path.parent.name, path


def load(path: Path) -> tuple[str, Case | bytes]:
    """The seed's name, and the edits of it or the whole content."""
    entry = json.loads(path.read_text(encoding="utf-8"))
    if "content" in entry:
        return entry["seed"], zlib.decompress(base64.b85decode(entry["content"]))
    edits = tuple(Edit(offset, length, bytes.fromhex(data)) for offset, length, data in entry["edits"])
    return entry["seed"], Case(entry["seed"], edits)


def as_case(target: Target, path: Path) -> Case:
    """The same as a case: a whole content is one edit, of all that its seed has."""
    name, content = load(path)
    if isinstance(content, Case):
        return content
    seed = next(seed for seed in target.seeds() if seed.name == name)
    assert isinstance(seed.content, bytes)  # noqa: S101 - of a disk edits are kept
    return Case(name, (Edit(0, len(seed.content), content),))


def _packed(seed: Seed, case: Case) -> str | None:
    if isinstance(seed.content, Path):
        return None
    packed = zlib.compress(Mutant(seed, case.edits).content, 9)
    return base64.b85encode(packed).decode() if len(packed) <= MAX_WHOLE_BYTES else None
