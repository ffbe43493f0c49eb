"""`imgtool diff` and `check --against` with hostile images on both sides, and with hostile documents.

What was opened is the kernel's word (strace), as in test_every_command.py.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import fixture_path
from support.hostile import ROWS
from support.hostile.rows import Hostile
from support.traced import Traced, lines_of_error, traced

HELD = "checks:\n  unchanged: {kinds: [packages, users, system]}\n"
PAIRS = [
    ("backing_file", "vmdk_flat"),
    ("external_data_file_json", "giant_l1"),
    ("vmdk_with_a_parent", "web_page_named_qcow2"),
]
WORDS = "\x1b]0;owned\x07\x9b31m<script>alert(1)</script>\u202e|`x`]($(id))\n# head\n::error::\r\ud800&quot;"
"""What a terminal, a page, a table of Markdown or a CI's log may take for something else."""


def run(folder: Path, *words: str | Path) -> Traced:
    found = traced(*words, trace=folder / "trace", cwd=folder)
    assert "Traceback" not in found.run.stderr + found.run.stdout
    assert found.executed == ()
    return found


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(HELD)
    return path


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_both_sides_are_hostile(
    pair: tuple[str, str], hostile: Hostile, canary: Path, policy: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old, new = hostile(pair[0], tmp_path / "old"), hostile(pair[1], tmp_path / "new")
    for words in (("diff", old, new), ("check", new, "--against", old, "--policy", policy)):
        found = run(tmp_path, *words)
        assert (found.run.returncode, found.run.stdout) == (3, ""), found.run.stderr
        (line,) = lines_of_error(found.run)
        assert re.search("|".join(ROWS[name][1] for name in pair), line)
        assert "CANARY" not in found.run.stderr
        assert str(canary) not in found.read
        assert found.read <= {str(policy), str(old), str(new)}
        assert found.written == frozenset()


# ---------------------------------------------------------------- documents


def bill(*components: Any) -> str:
    return json.dumps({"bomFormat": "CycloneDX", "components": components})


def spdx(name: Any, locator: Any) -> str:
    references = [{"referenceType": "purl", "referenceLocator": locator}]
    return json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{"name": name, "externalRefs": references}]})


def inspection(**changed: Any) -> str:
    package = {"manager": "dpkg", "name": WORDS, "version": WORDS, "architecture": WORDS}
    guest = {"os_type": "linux", "os_distro": WORDS, "kernels": [], "cloud_init": {WORDS: WORDS}}
    whole = {
        "image": {"virtual_size_bytes": 1},
        "guest": guest,
        "inventory": {"packages": [package], "users": {WORDS: WORDS}},
        "properties": {WORDS: WORDS},
    }
    return json.dumps({**whole, **changed})


def deep(text: str, count: int) -> str:
    return '{"bomFormat": "CycloneDX", "components": ' + text * count


LONG = "9" * 100_000
REFUSED: dict[str, Callable[[], str]] = {
    "lists in lists": lambda: deep("[", 1_000_000),
    "objects in objects": lambda: deep('{"a":', 500_000),
    "twenty million objects": lambda: deep("[", 1) + "{}," * (20 << 20) + "{}]}",
    "more than the limit": lambda: deep('"', 1) + " " * (65 << 20) + '"}',
    "more packages than a bill may have": lambda: bill(
        *({"name": f"a{one}", "purl": "pkg:deb/debian/a@1"} for one in range(50_001))
    ),
    "a number of many digits": lambda: f'{{"bomFormat": "CycloneDX", "components": {LONG}}}',
    "a size that is no number": lambda: inspection(image={"virtual_size_bytes": WORDS}),
    "a size that is endless": lambda: inspection(image={"virtual_size_bytes": float("inf")}),
    "a guest that is a list": lambda: inspection(guest=[WORDS]),
    "an inventory that is a text": lambda: inspection(inventory=WORDS),
    "packages that are texts": lambda: inspection(inventory={"packages": [WORDS]}),
    "a text of megabytes": lambda: inspection(properties={"a": "x" * (2 << 20)}),
    "a component that is a number": lambda: bill(7),
    "a package URL that is none": lambda: bill({"name": WORDS, "purl": WORDS}),
    "a package URL that is an object": lambda: spdx("a", {"a": 1}),
    "no JSON": lambda: '{"bomFormat": "CycloneDX",' + WORDS.encode("utf-8", "replace").decode(),
}
TAKEN: dict[str, Callable[[], str]] = {
    "an inspection": inspection,
    "a bill": lambda: bill({"name": WORDS, "purl": "pkg:deb/debian/a@1%1B%5B31m%3Cscript%3E?arch=%0A%23"}),
    "a bill of SPDX": lambda: spdx(WORDS, "pkg:rpm/fedora/a@1%1B%5B31m?epoch=%07"),
    "a version of many digits": lambda: bill({"name": "bash", "purl": f"pkg:deb/debian/bash@{LONG}"}),
    "names that are no texts": lambda: bill({"name": [{"a": None}], "purl": "pkg:pypi/a@1"}),
}
FORMS = ("text", "json", "markdown", "html")


def saved(content: Callable[[], str], path: Path) -> Path:
    path.write_text(content(), encoding="utf-8", errors="surrogatepass")
    return path


@pytest.mark.parametrize(("position", "name"), list(enumerate(REFUSED)))
def test_a_document_that_is_none_is_refused(position: int, name: str, policy: Path, tmp_path: Path) -> None:
    """By both commands in turn: one function reads it for both."""
    document, image = saved(REFUSED[name], tmp_path / "old.json"), fixture_path("ext4-gpt")
    words = (("diff", document, image), ("check", image, "--against", document, "--policy", policy))
    found = run(tmp_path, *words[position % 2])
    assert (found.run.returncode, found.run.stdout) == (3, ""), found.run.stderr
    (line,) = lines_of_error(found.run)
    assert line.startswith(f"imgtool: error: {document}: ")
    assert harmless(found.run.stderr)
    assert found.written == frozenset()
    assert found.read <= {str(policy), str(document), str(image)}


def harmless(text: str) -> bool:
    """It has no character by which a terminal or a log is told something, and is valid UTF-8."""
    text.encode()
    return not set("\x1b\x07\x9b\u202e\r") & set(text)


@pytest.mark.parametrize("name", TAKEN)
def test_texts_of_a_document_are_only_shown(name: str, tmp_path: Path) -> None:
    """Both sides are hostile: the second is the first, with other versions."""
    old = saved(TAKEN[name], tmp_path / "old.json")
    new = saved(lambda: TAKEN[name]().replace("@1", "@2").replace(LONG, f"{LONG}8"), tmp_path / "new.json")
    reports = [word for form in FORMS for word in ("--report", f"{form}={tmp_path / form}")]
    found = run(tmp_path, "diff", old, new, *reports)
    assert found.run.returncode == 0, found.run.stderr
    assert found.read - {str(tmp_path), *(str(tmp_path / form) for form in FORMS)} <= {str(old), str(new)}
    shown = {form: (tmp_path / form).read_text() for form in FORMS}
    assert all(map(harmless, (found.run.stdout, *shown.values())))
    assert json.loads(shown["json"])["same"] is (name == "an inspection")
    assert "<script>" not in shown["html"]
    assert not re.search(r"^(#+ head|::error::)", "\n".join(shown.values()), re.MULTILINE)


@pytest.mark.parametrize("name", TAKEN)
def test_an_image_is_checked_against_it(name: str, policy: Path, tmp_path: Path) -> None:
    document = saved(TAKEN[name], tmp_path / "old.json")
    forms = ("text", "json", "markdown", "html", "junit", "sarif", "github", "gitlab")
    reports = [word for form in forms for word in ("--report", f"{form}={tmp_path / form}")]
    image = fixture_path("ext4-gpt")
    found = run(tmp_path, "check", image, "--against", document, "--policy", policy, *reports)
    assert found.run.returncode == 1, found.run.stderr
    shown = {form: (tmp_path / form).read_text() for form in forms}
    assert "unchanged" in shown["text"]
    assert all(map(harmless, (found.run.stdout, *shown.values())))
    assert "<script>" not in shown["html"] + shown["junit"]
    assert not re.search(r"^(# head|::error::)", "\n".join(shown.values()), re.MULTILINE)
