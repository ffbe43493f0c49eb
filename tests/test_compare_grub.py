"""The GRUB interpreter against GRUB itself, on a few scripts: `scripts/compare-grub` runs any number."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from grub_compare import judges
from grub_compare.cli import results
from grub_compare.variants import Variant, variant

SEED = 1
SCRIPTS = [number for number in range(80) if number % 4 != 3]
MENU = """set timeout=0
set default='sub>id11'
menuentry 't0' --id id0 { echo @@e0 $1; normal_exit; true; }
submenu 'sub menu' --id sub {
  menuentry t10 --id=id10 { echo @@e10; normal_exit; true; }
  menuentry 't11' --id id11 arg --class os { echo "@@$chosen|$default|$1|$2|$#"; normal_exit; true; }
}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: GRUB's terminal has 80 columns."""
    with tempfile.TemporaryDirectory(prefix="g-") as name:
        judges.lay(Path(name))
        yield Path(name)


def test_scripts_print_what_grub_prints(folder: Path) -> None:
    batch = [variant(SEED, number) for number in SCRIPTS]
    found = results(batch, folder)
    assert len(found) == len(SCRIPTS)
    assert [one.number for one, theirs in found if theirs is None] == []
    for one, theirs in found:
        assert theirs is not None
        assert judges.same(theirs, judges.by_imgtool(one, folder)), one.text


def test_mistakes_are_those_of_grub_script_check(folder: Path) -> None:
    for number in SCRIPTS:
        assert judges.syntax_differs(variant(SEED, number), folder / "script.cfg") is None


@pytest.mark.parametrize(
    "text",
    [
        "load_env -f $top/none; echo @@env $?\nload_env -f $top; echo @@env $?\n",
        "eval 'if true; fi'; echo @@eval $?\n",
        'function b { echo "@@b $# $2"; }\nb 1 { true; }\necho @@x { false; }\n',
        "regexp --set=:v '(.)b' ab; echo @@re $? $v\nregexp --set=x:v '(.)b' ab; echo @@re $?\n",
        "if test -s $top/d; then echo '@@a\tb'; fi\necho @@1 '" + "a" * 60 + " " + "b" * 40 + "'\n",
    ],
    ids=["unreadable files", "a mistake in eval", "a block as an argument", "groups", "the terminal"],
)
def test_what_once_differed(text: str, folder: Path) -> None:
    script = Variant(1, text)
    assert judges.same(judges.by_grub([script], folder)[1], judges.by_imgtool(script, folder))


def test_an_exit_in_a_menu_leads_to_the_fallback(folder: Path) -> None:
    text = MENU.replace("'sub>id11'", "0").replace("set timeout", "set fallback=1\nset timeout", 1)
    menu = Variant(1, text, is_menu=True)
    theirs = judges.by_grub([menu], folder)[1]
    assert theirs == ["@@e0 t0", "@@e10"]
    assert judges.by_imgtool(menu, folder) == theirs


def test_a_menu_starts_the_entry_that_grub_starts(folder: Path) -> None:
    menu = Variant(1, MENU, is_menu=True)
    theirs = judges.by_grub([menu], folder)[1]
    assert theirs == ["@@sub>id11||t11|arg|2"]
    assert judges.by_imgtool(menu, folder) == theirs
