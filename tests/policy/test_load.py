from pathlib import Path

import pytest
from support.policies import written

from imgtool.checks.policy import OPENSTACK
from imgtool.cli import policies
from imgtool.errors import UsageError
from imgtool.policy.load import load_policy
from imgtool.policy.profiles import PROFILES


def test_the_help_names_the_profiles() -> None:
    assert tuple(PROFILES) == policies.PROFILE_NAMES
    assert all(name in (policies.option(lambda: None).__click_params__[0].help or "") for name in PROFILES)


def test_a_profile_comes_by_its_name_and_a_file_by_its_path(tmp_path: Path) -> None:
    assert load_policy("openstack") == OPENSTACK
    assert load_policy("minimal").name == "minimal"
    path = written(tmp_path, "checks: {machine-id: info}")
    assert load_policy(str(path)).name == str(path)


@pytest.mark.parametrize(
    ("name", "hint"), [("strct", "strict?"), ("zzz", "openstack"), ("a\0b", ""), ("", "")]
)
def test_what_is_neither_is_an_error(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="neither a profile nor a file") as raised:
        load_policy(name)
    assert hint in raised.value.hint
