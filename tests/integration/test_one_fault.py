"""For each check there is an image that fails it and no other."""

import subprocess
from pathlib import Path

import pytest
from support.layouts import built
from support.policies import asking
from support.spoils import FAULTS, Fault

from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.checks.registry import all_checks, guest_query, judge, refused
from imgtool.disk.open_source import incoming
from imgtool.errors import ImgtoolError
from imgtool.model.verdict import Finding, Judgement, Outcome
from imgtool.pipeline.inspect import inspect_image
from imgtool.util.progress import NullProgress

pytestmark = pytest.mark.series(2)

ALLOWED = ("alpine", "arch", "debian 11", "rhel 8", "rhel 9", "ubuntu", "windows")
GOOD = (
    "alpine-3.20",
    "arch",
    "debian-11",
    "rhel-8",
    "rhel-9",
    "ubuntu-24.04",
    "windows-2019",
    "windows-2022",
)
ASKING = asking(1 << 30, ALLOWED)
"""A Linux image that is not spoilt passes all of it."""

GOOD = {
    **dict.fromkeys(("alpine-3.20", "arch", "debian-11", "rhel-8", "rhel-9", "ubuntu-24.04"), ASKING),
    **dict.fromkeys(("windows-2019", "windows-2022"), OPENSTACK),
}
"""The images that are spoilt, as they were before, and the policy that they pass."""


def judged(path: Path, policy: Policy) -> Judgement:
    """As `imgtool check` does it: what the gate refuses is judged by that alone."""
    try:
        with incoming(path, None, NullProgress(), may_stream=False) as image:
            return judge(inspect_image(image, NullProgress(), guest_query(policy)), policy)
    except ImgtoolError as error:
        return refused(str(path), error, policy)


def not_passed(path: Path, policy: Policy) -> dict[str, Finding]:
    findings = judged(path, policy).findings
    return {one.check: one for one in findings if one.outcome not in {Outcome.PASS, Outcome.SKIPPED}}


def own_copy(image: Path, folder: Path) -> Path:
    """A fixture is shared: what spoils the disk has to have one of its own."""
    if image.is_relative_to(folder):
        return image
    copy = folder / image.name
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    return copy


def test_every_check_has_an_image_that_fails_it():
    """What only a boot shows is shown by tests/integration/test_boot_table.py.

    The two that tell what is not judged fail none: they do not know. What needs real signatures fails in
    test_secure_boot.py, and what needs an older image in test_diff.py.
    """
    offline = {check.name for check in all_checks() if not check.after_boot}
    offline -= {"system-family", "system-found", "secure-boot", "unchanged"}
    assert sorted(offline - {fault.check for fault in FAULTS}) == []


@pytest.mark.parametrize("name", GOOD)
def test_an_image_that_is_not_spoilt_fails_none(name: str, tmp_path: Path):
    assert not_passed(built(name, tmp_path), GOOD[name]) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.check}-{fault.layout}")
def test_an_image_with_one_fault_fails_by_one_check(fault: Fault, tmp_path: Path):
    image = built(fault.layout, tmp_path, fault.spoil)
    if fault.afterwards is not None:
        image = fault.afterwards(own_copy(image, tmp_path))
    found = not_passed(image, ASKING if fault.check in ASKING.rules else OPENSTACK)
    assert set(found) == {fault.check}
    assert found[fault.check].outcome is Outcome.FAIL
    assert found[fault.check].remedy
