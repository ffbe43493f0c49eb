"""QEMU as the judge of qcow2: it is asked, and what it says counts."""

import pytest
from fuzz import qemu
from fuzz.model import Case, Edit, Find, Seed
from fuzz.mutant import Mutant
from fuzz.run import Amount, run_case, run_target
from fuzz.targets import TARGETS, images, qcow2

TARGET = TARGETS["qcow2"]
INTACT = Case("64k", ())


def _seed() -> Seed:
    return next(seed for seed in TARGET.seeds() if seed.name == INTACT.seed)


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def test_what_both_readers_read_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    by_stream, by_source = qcow2._by_stream, qcow2._by_source
    monkeypatch.setattr(qcow2, "_by_stream", lambda file: _flipped(by_stream(file)))
    monkeypatch.setattr(qcow2, "_by_source", lambda file: _flipped(by_source(file)))
    found = run_case(TARGET, INTACT)
    assert isinstance(found, Find)
    assert found.where == "wrong: QEMU reads other bytes"


def test_what_one_reader_reads_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    by_stream = qcow2._by_stream
    monkeypatch.setattr(qcow2, "_by_stream", lambda file: _flipped(by_stream(file)))
    found = run_case(TARGET, INTACT)
    assert isinstance(found, Find)
    assert found.where == "wrong: the two readers read different bytes"


def test_a_backing_file_that_the_gate_missed_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    target = TARGETS["other-images"]
    seed = target.seeds()[0]
    said = qemu.info(images.written(Mutant(seed, ()), "seed.vmdk"), "vmdk")
    assert isinstance(said, dict)
    monkeypatch.setattr(qemu, "info", lambda *_: {**said, "backing-filename": "/etc/hostname"})
    found = run_case(target, Case(seed.name, ()))
    assert isinstance(found, Find)
    assert found.where == "wrong: vmdk: QEMU sees a backing-filename"


def test_a_part_of_the_mutants_passes_the_gate_and_is_judged() -> None:
    outcomes: list[str] = []
    run_target(TARGET, Amount(60, 3600), 5, lambda outcome, _: outcomes.append(outcome))
    assert any(outcome.startswith("passed") for outcome in outcomes)
    assert any("Error: " in outcome for outcome in outcomes)


def test_a_byte_of_a_table_is_refused() -> None:
    (at,) = [int.from_bytes(_seed().content[40:48], "big")]
    assert "ImageUnreadableError" in str(run_case(TARGET, Case("64k", (Edit(at + 7, 1, b"\1"),))))
