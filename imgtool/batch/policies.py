"""Policies that a manifest names: each is read once, before the work begins, and known by its rules."""

import hashlib
import os
from pathlib import Path

from imgtool.checks.policy import OPENSTACK
from imgtool.checks.registry import all_checks
from imgtool.policy.load import load_policy
from imgtool.policy.profiles import PROFILES


class Fingerprints:
    """Of policies; those in files are relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[str, str]] = {}

    def of(self, name: str | None) -> tuple[str, str]:
        """The name of a profile or the absolute path of a file, and what is another where its rules are.

        A profile is known by its name: a new version of imgtool does not make all images anew.
        Raises UsageError where there is no such policy, or something is wrong in its file.
        """
        if name is None or name == OPENSTACK.name:
            return OPENSTACK.name, OPENSTACK.name
        if name not in self._known:
            self._known[name] = (name, name) if name in PROFILES else self._of_file(name)
        return self._known[name]

    def _of_file(self, name: str) -> tuple[str, str]:
        path = os.path.normpath(self._folder / name)
        policy = load_policy(path)
        rules = [(check.name, policy.rule(check)) for check in all_checks()]
        shown = [(check, rule.severity, rule.unknown, rule.parameters) for check, rule in rules]
        return path, hashlib.sha256(repr(shown).encode()).hexdigest()
