"""What is wrong with a file is told by file, line and key, whatever stands in it."""

import contextlib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgtool.errors import UsageError
from imgtool.util import yaml_file
from imgtool.util.yaml_file import Section, read_document


class Inner(Section):
    kind: Literal["red", "green"] = "red"
    names: tuple[str, ...] = ()


class Outer(Section):
    title: str
    inner: Inner = Inner()
    items: tuple[Inner, ...] = ()
    count: int = 0


def read(folder: Path, text: str | bytes) -> yaml_file.Document[Outer]:
    path = folder / "file.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(path, Outer)


def test_a_file_is_read_with_its_lines(tmp_path: Path) -> None:
    text = "title: off\n# a comment\ninner:\n  kind: green\n  names:\n    - 12.10\n    - null x\ncount: 3\n"
    found = read(tmp_path, text)
    assert found.content == Outer(title="off", inner=Inner(kind="green", names=("12.10", "null x")), count=3)
    assert found.where("inner", "kind") == f"{tmp_path}/file.yaml:4"
    assert found.where("inner", "names", 1) == f"{tmp_path}/file.yaml:7"
    assert found.where("inner", "nothing", "here") == f"{tmp_path}/file.yaml:3"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: a\ninner:\n  knd: red\n", 3, ["inner.knd", "no such key"]),
        ("title: a\ninner:\n  kind: blue\n", 3, ["inner.kind", "red or green", "not blue"]),
        ("title: a\ninner:\n\n  names: x\n", 4, ["inner.names", "must be a list", "not x"]),
        ("title: a\ninner:\n  names: [x,\n   [y]]\n", 4, ["inner.names", "must be one value"]),
        ("title: a\ninner: 5\n", 2, ["inner", "must be a mapping", "not 5"]),
        ("title: a\ninner:\n", 2, ["inner", "must be a mapping", "not nothing"]),
        ("title: a\nitems:\n  - kind: red\n  - kind: rd\n", 4, ["items.kind", "not rd"]),
        ("title: a\ncount: many\n", 2, ["count", "whole number", "not many"]),
        ("inner: {}\n", 1, ["title", "is missing"]),
        ("- a\n", 1, ["must be a mapping"]),
        ("title: a\ntitle: b\n", 2, ["title", "duplicate key"]),
        ("title: a\ninner: {kind: red, kind: red}\n", 2, ["kind", "duplicate key"]),
        ("title: &x a\ninner: *x\n", 2, ["aliases", "*x"]),
        ("title: a\n<<: {count: 1}\n", 2, ["<<", "no such key"]),
        ("title: a\n? [b]\n: c\n", 2, ["no such key"]),
        ("title: [a\ncount: 1\n", 2, ["no valid YAML"]),
        ("title: a\n\tcount: 1\n", 2, ["no valid YAML"]),
        ("title: a\n---\ntitle: b\n", 2, ["no valid YAML"]),
        ("title: " + "[" * 30 + "]" * 30, 1, ["nested more than"]),
    ],
)
def test_an_error_names_file_line_and_key(text: str, line: int, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, text)
    assert raised.value.message.startswith(f"{tmp_path}/file.yaml:{line}: ")
    for word in words:
        assert word in raised.value.message


def test_all_that_is_wrong_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, "count: x\ninner:\n  kind: blue\n  knid: red\ntilte: a\n")
    told = [raised.value, *raised.value.others]
    places = [one.message.removeprefix(f"{tmp_path}/file.yaml:").partition(": ")[0] for one in told]
    assert places[0] == "1"
    assert sorted(places) == ["1", "1", "3", "4", "5"]
    assert [one.hint for one in told if "knid" in one.message] == ["did you mean kind?"]
    assert [one.hint for one in told if "tilte" in one.message] == ["did you mean title?"]
    assert "title: is missing" in " ".join(one.message for one in told)


def test_of_very_many_mistakes_some_are_told_and_the_others_counted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, "title: a\n" + "".join(f"key-{number}: 1\n" for number in range(100)))
    assert len(raised.value.others) == yaml_file.MAX_TOLD
    assert raised.value.others[-1].message.endswith("and 80 more mistakes")


def test_a_suggestion_comes_with_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, "titel: a\n")
    assert raised.value.hint.startswith("did you mean title?")
    with pytest.raises(UsageError) as raised:
        read(tmp_path, "title: a\nzzz: 1\n")
    assert "title, inner, items, count" in raised.value.hint


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, f"title: a\ncount: {'x' * 10_000}\n")
    assert len(raised.value.message) < 300


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_an_empty_file_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file is empty"):
        read(tmp_path, text)


def test_what_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / ("x" * 5000), tmp_path / "a\0b", Path("a\ud800")):
        with pytest.raises(UsageError):
            read_document(path, Outer)
    with pytest.raises(UsageError, match="no valid YAML"):
        read(tmp_path, b"\xff\xfe\xff")
    monkeypatch.setattr(yaml_file, "MAX_BYTES", 5)
    with pytest.raises(UsageError, match="larger than 5"):
        read(tmp_path, "title: a\n")


YAMLISH = st.text(st.sampled_from("title:innerkdcouts -[]{}&*!?|>#%@,'\"\n \t\\0\x85\ud7ff<~é"), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(text=st.one_of(YAMLISH.map(lambda text: text.encode("utf-8")), st.binary(max_size=60)))
def test_no_content_gives_a_traceback(text: bytes, tmp_path: Path) -> None:
    with contextlib.suppress(UsageError):
        read(tmp_path, text)
