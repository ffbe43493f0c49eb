"""Finds the policy that `--policy` names."""

import os
from pathlib import Path

from imgtool.checks.policy import Policy
from imgtool.errors import UsageError
from imgtool.policy.profiles import PROFILES, profile_policy
from imgtool.util import misspelt


def load_policy(name: str) -> Policy:
    """The built-in profile of that name, else the policy in the file of that name. Raises UsageError."""
    if name in PROFILES:
        return profile_policy(name)
    if not os.path.lexists(name):
        hint = misspelt.hint(name, PROFILES, f"the profiles are {', '.join(PROFILES)}")
        raise UsageError(f"there is neither a profile nor a file named {name!r}", hint=hint)
    from imgtool.policy.file import read_policy  # noqa: PLC0415 - pydantic and PyYAML only for files

    return read_policy(Path(name))
