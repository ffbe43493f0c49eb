"""The linters, as tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = [sys.executable, "-m"]


def scripts_in(interpreter: str) -> list[str]:
    """The files below scripts/ and .ci/ whose first line names `interpreter`."""
    files = [path for folder in ("scripts", ".ci") for path in (ROOT / folder).iterdir() if path.is_file()]
    return [str(path.relative_to(ROOT)) for path in sorted(files) if _first_line(path).endswith(interpreter)]


def _first_line(path: Path) -> str:
    line = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return line.removesuffix(" -B") if line.startswith("#!") else ""


SCRIPTS_WITH_TYPES = [
    f"scripts/lib/{name}"
    for name in (
        "bench",
        "bench_delivery",
        "boot_table",
        "debian_image",
        "fuzz",
        "man_pages.py",
        "verify_delivery.py",
    )
]

LINTERS = {
    "ruff": [*PYTHON, "ruff", "check", "--no-fix", ".", *scripts_in("python3")],
    "ruff format": [*PYTHON, "ruff", "format", "--diff", ".", *scripts_in("python3")],
    "mypy": [*PYTHON, "mypy"],
    "mypy of the scripts": [*PYTHON, "mypy", *SCRIPTS_WITH_TYPES],
    "shellcheck": ["shellcheck", "--enable=quote-safe-variables", *scripts_in("bash")],
}


@pytest.mark.parametrize("command", LINTERS.values(), ids=LINTERS.keys())
def test_linter_finds_nothing(command: list[str]):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_scripts_are_linted():
    bash = {"scripts/setup", "scripts/test", "scripts/quickstart", "scripts/devcloud", ".ci/run"}
    assert bash <= set(scripts_in("bash"))
    assert "scripts/build-image" in scripts_in("python3")
