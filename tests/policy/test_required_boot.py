"""A policy file may require a boot: then an image passes only when one was run."""

from pathlib import Path

import pytest
from support import facts
from support.boots import booted, stopped
from support.policies import written

from imgtool.checks.policy import Policy
from imgtool.checks.registry import judge
from imgtool.errors import UsageError
from imgtool.policy.file import read_policy

REQUIRED = "checks:\n  agent-answers:\n    required: true\n"


def policy(folder: Path, text: str = REQUIRED) -> Policy:
    return read_policy(written(folder, text))


def test_what_is_required_and_was_not_run_fails(tmp_path: Path) -> None:
    found = judge(facts.inspection(), policy(tmp_path))
    assert [one.check for one in found.findings if one.fails_image] == ["agent-answers"]


def test_what_is_required_and_was_run_is_judged(tmp_path: Path) -> None:
    assert judge(booted(), policy(tmp_path)).passed
    assert not judge(booted(stopped()), policy(tmp_path)).passed


def test_a_file_over_one_that_requires_it_may_not(tmp_path: Path) -> None:
    written(tmp_path, REQUIRED, "base.yaml")
    text = "extends: base.yaml\nchecks: {agent-answers: {required: false}}\n"
    assert judge(facts.inspection(), policy(tmp_path, text)).passed


@pytest.mark.parametrize("value", ["maybe", "[true]", "17"])
def test_it_is_a_switch(value: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"team\.yaml:3: checks\.agent-answers\.required: "):
        policy(tmp_path, REQUIRED.replace("true", value))
