import dataclasses
import importlib
import pkgutil

import pytest

from imgtool import model
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity


def every_type() -> list[type]:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(model.__path__, "imgtool.model.")
    ]
    named = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return sorted(filter(dataclasses.is_dataclass, named), key=lambda one: one.__name__)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("severity", Severity)
def test_only_an_error_that_neither_passed_nor_was_skipped_fails_an_image(
    outcome: Outcome, severity: Severity
) -> None:
    fails = severity is Severity.ERROR and outcome in {Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR}
    ran = Finding("ran", Outcome.PASS, Severity.INFO, "")
    finding = Finding("a-check", outcome, severity, "")
    assert finding.fails_image is fails
    assert Judgement("a.raw", (ran, finding)).passed is not fails


def test_every_type_is_frozen_and_slotted() -> None:
    types = every_type()
    assert len(types) > 15
    for one in types:
        assert one.__dataclass_params__.frozen, one
        assert hasattr(one, "__slots__"), one


def test_sizes_are_named_with_their_unit() -> None:
    types = every_type()
    names = [field.name for one in types for field in dataclasses.fields(one) if "size" in field.name]
    assert names
    assert all(name.endswith("_bytes") for name in names)
