"""In which state Windows Setup left a system."""

from collections.abc import Mapping

import pytest
from support.windows import Value, guest, hives

from imgtool.checks.rules.windows_generalised import GENERALISED
from imgtool.guest.fact import fact_of
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.setup import ANSWER_FILES, STATE, STATE_FILE, read_setup
from imgtool.model.facts import Known, Unknown
from imgtool.model.windows import WindowsSetup

ANSWERS = b"<unattend/>"


def tree(
    state: str | None = GENERALISED,
    files: Mapping[str, bytes] | None = None,
    setup: dict[str, Value] | None = None,
) -> GuestTree:
    values: dict[str, Value] = {} if state is None else {"ImageState": state}
    return guest(system={"Setup": setup or {"SetupType": 0}}, software={STATE: values}, files=files)


def found(guest_tree: GuestTree) -> WindowsSetup:
    return read_setup(guest_tree, hives(guest_tree)).value


@pytest.mark.parametrize(
    "state",
    [
        GENERALISED,
        "IMAGE_STATE_COMPLETE",
        "IMAGE_STATE_UNDEPLOYABLE",
        "IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT",
        "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE",
        "IMAGE_STATE_SPECIALIZE_RESEAL_TO_AUDIT",
    ],
)
def test_the_state_is_that_of_the_registry(state: str) -> None:
    spoilt = {STATE_FILE: b"[State]\r\nImageState=IMAGE_STATE_OTHER\r\n"}
    assert found(tree(state, spoilt)) == WindowsSetup(state, None)
    assert found(tree(state.lower())).image_state == state


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("state", [None, ""])
def test_without_it_the_file_tells(state: str | None, encoding: str) -> None:
    content = f"[State]\r\nImageState = {GENERALISED}\r\n".encode(encoding)
    assert found(tree(state, {STATE_FILE: content})).image_state == GENERALISED


@pytest.mark.parametrize("content", [None, b"", b"[State]\r\n", b"\xff\xfeI"])
def test_without_either_it_is_unknown(content: bytes | None) -> None:
    here = tree(None, {} if content is None else {STATE_FILE: content})
    assert isinstance(fact_of(lambda: read_setup(here, hives(here))), Unknown)


@pytest.mark.parametrize("path", ANSWER_FILES)
def test_an_answer_file_where_setup_looks(path: str) -> None:
    assert found(tree(files={path: ANSWERS})).answer_file == path


def test_one_that_the_registry_names_comes_first() -> None:
    files = {"/answers.xml": ANSWERS, ANSWER_FILES[0]: ANSWERS}
    named: dict[str, Value] = {"UnattendFile": "C:\\answers.xml"}
    assert found(tree(files=files, setup=named)).answer_file == "/answers.xml"
    assert found(tree(files={ANSWER_FILES[0]: ANSWERS}, setup=named)).answer_file == ANSWER_FILES[0]


@pytest.mark.parametrize("files", [{}, {"/Windows/Panther/other.xml": ANSWERS}, {ANSWER_FILES[0]: b""}])
def test_none(files: dict[str, bytes]) -> None:
    assert found(tree(files=files)).answer_file is None


def test_the_evidence_names_the_place() -> None:
    here = tree()
    assert isinstance(fact := read_setup(here, hives(here)), Known)
    assert "Setup\\State: ImageState=" in fact.evidence
