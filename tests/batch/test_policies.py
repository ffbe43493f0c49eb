"""A policy is another where its rules are, not where its file or a comment in it is."""

from pathlib import Path

import pytest

from imgtool.batch.settings import PolicyFingerprints
from imgtool.errors import UsageError


def test_profiles_are_known_by_their_names(tmp_path: Path) -> None:
    policies = PolicyFingerprints(tmp_path)
    assert policies.of(None) == policies.of("openstack") == ("openstack", "openstack")
    assert policies.of("strict") == ("strict", "strict")


def test_files_are_known_by_their_rules(tmp_path: Path) -> None:
    for name, text in (
        ("a", "checks: {serial-console: error}"),
        ("b", "# moved\nchecks:\n  serial-console: error"),
        ("c", "checks: {serial-console: info}"),
        ("d", "checks: {virtual-size: {largest: 20G}}"),
        ("e", "checks: {virtual-size: {largest: 30G}}"),
    ):
        (tmp_path / f"{name}.yaml").write_text(text)
    policies = PolicyFingerprints(tmp_path)
    found = {name: policies.of(f"{name}.yaml") for name in "abcde"}
    assert found["a"][0] == str(tmp_path / "a.yaml")
    assert found["a"][1] == found["b"][1]
    assert len({fingerprint for _, fingerprint in found.values()}) == 4


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a profile nor a file"):
        PolicyFingerprints(tmp_path).of("none.yaml")
