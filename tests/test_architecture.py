"""The imports go one way, and each outside thing has one owner: design.md, "The shape"."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import imgtool

PACKAGE = Path(imgtool.__file__).parent
MAX_LINES = 400

LAYERS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("diff",),
    ("report", "doctor", "api"),
    ("batch",),
    ("fix",),
    ("pipeline",),
    ("policy", "compute"),
    ("glance", "checks", "boot"),
    ("convert",),
    ("guest", "disk", "fetch"),
    ("formats",),
    ("process",),
    ("sandbox",),
    ("model",),
    ("util",),
    ("errors",),
)
"""From the top to the bottom: a part imports from parts below its own layer, and from itself."""

OWNERS = {
    "subprocess": {"process"},
    "ctypes": {"sandbox", "formats"},
    "dissect": {"guest"},
    "asn1crypto": {"guest"},
    "openstack": {"glance"},
    "keystoneauth1": {"glance"},
    "requests": {"glance"},
    "urllib3": {"glance"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "magic": {"formats"},
    "pydantic": {"util", "policy", "batch"},
    "pydantic_core": {"util", "policy", "batch"},
    "oslo_utils": {"formats"},
    "jinja2": {"report"},
    "cyclonedx": {"report"},
    "spdx_tools": {"report"},
    "packageurl": {"report", "diff"},
    "markupsafe": {"report"},
    "xml": {"formats", "report"},
}

ONLY_FOR_TYPES = {"_typeshed"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            base = node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names)


def layer_of(part: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":  # what stands at its top is loaded by everything
        statements = ast.parse(path.read_text()).body
        assert not [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
        return
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package != "imgtool" or rest == "__version__":
            continue
        imported = rest.partition(".")[0]
        if imported != part:
            assert layer_of(part) < layer_of(imported), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_outside_thing_has_one_owner(path: Path) -> None:
    for name in imports(path):
        owners = OWNERS.get(name.partition(".")[0])
        assert owners is None or part_of(path) in owners, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    if part_of(path) == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "input"}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("sys", "exit")


def test_the_map_names_every_part() -> None:
    text = imgtool.__doc__ or ""
    parts = {part_of(path) for path in modules()} - {"__init__"}
    assert [part for part in sorted(parts) if f"    {part}" not in text] == []


def test_every_import_is_a_declared_dependency() -> None:
    declared = (PACKAGE.parent / "pyproject.toml").read_text()
    distributions = {
        "magic": "python-magic", "oslo_utils": "oslo.utils", "yaml": "PyYAML",
        "openstack": "openstacksdk", "requests": "keystoneauth1", "urllib3": "keystoneauth1",
        "dissect": "dissect.",
        "pydantic_core": "pydantic", "typing_extensions": "typing-extensions",
        "jinja2": "Jinja2", "markupsafe": "MarkupSafe",
        "cyclonedx": "cyclonedx-python-lib", "spdx_tools": "spdx-tools", "packageurl": "packageurl-python",
        "license_expression": "license-expression",
    }  # fmt: skip
    for path in modules():
        for name in imports(path):
            top = name.partition(".")[0]
            if top != "imgtool" and top not in sys.stdlib_module_names | ONLY_FOR_TYPES:
                assert f'"{distributions.get(top, top)}' in declared, f"{path.name} imports {name}"


FRAGMENT = re.compile(
    r"^(Of|In|For|By|From|To|At|With|As|Beside|Once|Until|On|Below|Those|Their|Its|The same)\b"
)
"""Beginnings of what is no sentence: it leaves out what the function returns or does."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_are_sentences(path: Path) -> None:
    kinds = (ast.FunctionDef, ast.ClassDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    found = {node.name: (ast.get_docstring(node) or "").partition("\n")[0] for node in nodes}
    assert {name: text for name, text in found.items() if FRAGMENT.match(text)} == {}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_one_docstring_and_not_two_pasted_together(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""
    assert "\n\n\n" not in text
    assert "\n" not in text or text.endswith("\n"), "the closing quotes stand alone"


def test_no_module_is_longer_than_one_idea() -> None:
    """More than that is two modules, or a table that belongs beside them."""
    root = PACKAGE.parent
    folders = [root / name for name in ("imgtool", "scripts", "tests", "fixtures")]
    lengths = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for folder in folders
        for path in folder.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
