"""README.md and docs/: complete, true, and within bounds. What they show is run in tests/integration."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
from support import bills, boots, facts
from support.batch_standing import standing
from support.documentation import CHECKOUT, DOCS, PAGES, README, everything, examples, undocumented_keys

from imgtool.checks import registry
from imgtool.cli.group import COMMANDS, EPILOG, cli
from imgtool.model.difference import Difference, KindDifference
from imgtool.model.result import ImageResult
from imgtool.report import as_json
from imgtool.report.as_json import batch, boot, difference

TEXT = everything()
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


def test_the_readme_is_short_and_begins_with_what_a_newcomer_runs() -> None:
    assert len(README.read_text().splitlines()) <= 150
    assert [one.command.split()[0] for one in examples(README)][:2] == ["pipx", "uv"]
    assert {"scripts/setup", "scripts/quickstart"} <= {one.command for one in examples(README)}


@pytest.mark.parametrize("page", [*PAGES, CHECKOUT / "CHANGELOG.md"], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [one for one in LINK.findall(page.read_text()) if not one.startswith("https://")]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_chapter_is_named_in_the_readme() -> None:
    named = {CHECKOUT / target for target in LINK.findall(README.read_text()) if target.startswith("docs/")}
    assert named == set(DOCS.glob("*.md"))


def test_nobody_is_sent_to_the_package_of_another_project() -> None:
    texts = [TEXT, *(path.read_text() for path in (CHECKOUT / "imgtool").rglob("*.py"))]
    assert [found for text in texts for found in re.findall(r"(?:install|pipx|uvx) +'?imgtool", text)] == []


def test_every_command_of_imgtool_is_shown() -> None:
    shown = {word for page in PAGES for one in examples(page) for word in one.command.split()}
    assert set(COMMANDS) - shown == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    long = [option for one in command.params for option in one.opts if option.startswith("--")]
    assert long or name == "completion"
    assert [option for option in long if not re.search(rf"{option}(?![\w-])", TEXT)] == []


def test_no_option_is_documented_that_there_is_not() -> None:
    there = {"--help", "--version"}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        there |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    for page in PAGES:
        documented = re.findall(r"(?<![\w-])--[a-z][a-z-]+", _without_other_programs(page.read_text()))
        assert sorted(set(documented) - there) == [], page


def _without_other_programs(text: str) -> str:
    """Without the lines and the code of other programs: each pair of backticks is one piece of code."""
    others = (
        r"dask|openstack|scripts/[\w-]+|virt-\w+|cloud-init|dracut|bootctl|systemd|systemctl|grub-install|pipx"
        r"|podman|cp|\(split"
    )
    lines = re.sub(rf"^(?:\$ )?(?:{others}) .*$", "", text, flags=re.MULTILINE)
    other = re.compile(rf"`[^`]*\b(?:{others}) [^`]*`")
    return re.sub(r"`[^`]*`", lambda found: "" if other.fullmatch(found[0]) else found[0], lines)


def test_every_exit_status_is_listed() -> None:
    listed = set(re.findall(r"^\| (\d+) \|", README.read_text(), re.MULTILINE))
    assert listed == set(re.findall(r"\b(\d+) [a-zG]", EPILOG))


def test_every_dependency_has_its_reason() -> None:
    declared = re.findall(
        r'^  "([A-Za-z0-9.-]+)[><=]', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE
    )
    table = (DOCS / "development.md").read_text().partition("## Dependencies")[2]
    for name in declared[: declared.index("distributed") + 1]:
        short = name.removeprefix("dissect") if name.startswith("dissect.") else name
        assert short in table, name


def test_every_check_has_its_way_out() -> None:
    page = (DOCS / "fix.md").read_text()
    assert [check.name for check in registry.all_checks() if f"`{check.name}`" not in page] == []


DOCUMENTS: dict[str, Any] = {
    "inspect": as_json.inspection(facts.inspection(), ()),
    "inspect of Windows": as_json.inspection(facts.windows_inspection(), ()),
    "inspect --inventory": as_json.inspection(bills.with_inventory(), ()),
    "diff": difference.document(Difference("a", "b", (KindDifference("users", unknown="x"),))),
    "check": as_json.results([ImageResult(registry.judge(facts.inspection()))]),
    "boot": boot.document([boots.boot(), boots.stopped()], registry.judge(facts.inspection())),
    "batch": batch.status(standing()[0]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_key_of_json_is_documented(name: str) -> None:
    assert undocumented_keys(DOCUMENTS[name]) == []


PATH = re.compile(r"`((?:imgtool|tests|scripts|docs)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_of_the_checkout_that_is_named_exists(page: Path) -> None:
    assert [path for path in PATH.findall(page.read_text()) if not (CHECKOUT / path).exists()] == []
