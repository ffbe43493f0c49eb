"""QEMU as the judge of VHD, VDI and VHDX: it is asked, and what it says counts."""

import pytest
from fuzz.model import Case, Find
from fuzz.run import Amount, run_case, run_target
from fuzz.targets import TARGETS, block_images

FORMATS = ["vpc", "vdi", "vhdx"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_conversion_reads_wrongly_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = block_images.whole
    monkeypatch.setattr(block_images, "whole", lambda source: b"x" + whole(source)[1:])
    found = run_case(TARGETS[name], Case(TARGETS[name].seeds()[0].name, ()))
    assert isinstance(found, Find)
    assert found.where == "wrong: the two readers differ"


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_of_the_mutants_passes_the_gate_and_is_judged(name: str) -> None:
    outcomes: list[str] = []
    run_target(TARGETS[name], Amount(40, 3600), 5, lambda outcome, _: outcomes.append(outcome))
    assert any(outcome.startswith("passed") for outcome in outcomes)
    assert any("Error: " in outcome for outcome in outcomes)
