"""The imports go one way, and each outside thing has one owner: design.md, "The shape"."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@cache
def modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports() -> Iterator[tuple[Path, str]]:
    """Each module with each name that it imports."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                yield from ((path, f"{node.module or ''}.{alias.name}") for alias in node.names)


def layer_of(part: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


def test_imports_go_one_way() -> None:
    wrong = []
    for path, name in imports():
        package, _, rest = name.partition(".")
        part, imported = part_of(path), rest.partition(".")[0]
        if package != "imgtool" or rest == "__version__" or part in {"__init__", imported}:
            continue
        if layer_of(part) >= layer_of(imported):
            wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_what_everything_loads_imports_nothing_at_its_top() -> None:
    statements = modules()[PACKAGE / "__init__.py"].body
    assert not [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]


def test_each_outside_thing_has_one_owner() -> None:
    owned = ((path, name, OWNERS.get(name.partition(".")[0])) for path, name in imports())
    assert [
        f"{path} imports {name}" for path, name, by in owned if by is not None and part_of(path) not in by
    ] == []


def test_only_the_command_line_prints_or_exits() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if part_of(path) != "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and prints_or_exits(node)
    ]
    assert wrong == []


def prints_or_exits(node: ast.expr) -> bool:
    """Whether it calls print and the like, or names sys.exit."""
    match node:
        case ast.Call(func=ast.Name("print" | "exit" | "input")):
            return True
        case ast.Attribute(ast.Name("sys"), "exit"):
            return True
    return False


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
    for path, name in imports():
        top = name.partition(".")[0]
        if top != "imgtool" and top not in sys.stdlib_module_names | ONLY_FOR_TYPES:
            assert f'"{distributions.get(top, top)}' in declared, f"{path.name} imports {name}"


FRAGMENT = re.compile(
    r"^(Of|In|For|By|From|To|At|With|As|Beside|Once|Until|On|Below|Those|Their|Its|The same)\b"
)
"""Beginnings of what is no sentence: it leaves out what the function returns or does."""


def test_docstrings_are_sentences() -> None:
    kinds = (ast.FunctionDef, ast.ClassDef)
    wrong = {}
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                if FRAGMENT.match(first):
                    wrong[f"{path}:{node.lineno} {node.name}"] = first
    assert wrong == {}


def test_a_module_has_one_docstring_and_not_two_pasted_together() -> None:
    texts = {path: ast.get_docstring(tree, clean=False) or "" for path, tree in modules().items()}
    assert [path for path, text in texts.items() if "\n\n\n" in text] == []
    apart = [path for path, text in texts.items() if "\n" in text and not text.endswith("\n")]
    assert apart == [], "the closing quotes stand alone"


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
