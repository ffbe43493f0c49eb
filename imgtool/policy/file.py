"""Reads a policy file: what it extends, and over it what it says itself."""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

from imgtool.checks.check import Check, Parameters
from imgtool.checks.policy import BY_DEFAULT, OFF, Policy, Rule
from imgtool.checks.registry import all_checks, runs_any
from imgtool.errors import UsageError
from imgtool.model.verdict import Severity
from imgtool.policy.profiles import OF_A_PROFILE, PROFILES, profile_policy
from imgtool.policy.schema import COMMON_KEYS, CheckSection, PolicySection, policy_model, section_of
from imgtool.util import misspelt
from imgtool.util.yaml_file import Document, read_document


def read_policy(path: Path) -> Policy:
    """The policy in the file `path`. Raises UsageError: what cannot be read, and where; or no check runs."""
    policy = _read(path, ())
    _refuse_idle_checks(policy)
    if not runs_any(policy):
        raise UsageError(
            f"{path}: no check runs under this policy", hint="`imgtool explain` lists the checks"
        )
    return policy


def _refuse_idle_checks(policy: Policy) -> None:
    """Who gives such a check a severity believes that it judges something. Raises UsageError."""
    for check in all_checks():
        rule = policy.rule(check)
        origin = rule.origins.get("severity", BY_DEFAULT)
        if rule.off or not rule.is_idle(check) or origin == BY_DEFAULT or origin.startswith(OF_A_PROFILE):
            continue
        names = [field.name for field in fields(cast("Any", check.parameters))]
        raise UsageError(
            f"{origin}: checks.{check.name}: the check judges nothing without its parameter"
            f"{'s' if len(names) > 1 else ''} {' and '.join(names)}",
            hint=f"set {names[0]} as well, or leave the check out: `imgtool explain {check.name}`",
        )


def _read(path: Path, extended_by: tuple[str, ...]) -> Policy:
    document: Document[PolicySection] = read_document(path, policy_model())
    here = os.path.realpath(path)
    base = _base(document, (*extended_by, here))
    rules = {check.name: _rule(check, base.rule(check), document) for check in all_checks()}
    return Policy(str(path), rules)


def _base(document: Document[PolicySection], reading: tuple[str, ...]) -> Policy:
    """What the file extends; `reading` are the files that are being read, this one last."""
    name = document.content.extends
    if name in PROFILES:
        return profile_policy(name)
    path = document.path.parent / name
    where = f"{document.where('extends')}: extends"
    if not os.path.lexists(path):
        raise UsageError(
            f"{where}: {name!r} is neither a profile nor a file",
            hint=misspelt.hint(name, PROFILES, known_profiles()),
        )
    if os.path.realpath(path) in reading:
        raise UsageError(
            f"{where}: {name} is a file that extends this one: they go in a circle",
            hint="remove `extends` from one of them",
        )
    return _read(path, reading)


def known_profiles() -> str:
    """A hint that lists them."""
    return f"the profiles are {', '.join(PROFILES)}"


def _rule(check: Check, base: Rule, document: Document[PolicySection]) -> Rule:
    """The rule of one check: of `base`, but for what the file sets."""
    section = section_of(document.content, check)
    if section is None:
        return base
    values = {key: getattr(section, key) for key in section.model_fields_set}
    rule = Rule(
        severity=_severity(section, base),
        unknown=Severity(section.unknown) if "unknown" in values else base.unknown,
        parameters=_parameters(base.parameters, values),
        origins={**base.origins, **{key: document.where("checks", check.name, key) for key in values}},
    )
    _refuse_vain_settings(check, rule, values, document)
    return rule


def _severity(section: CheckSection, base: Rule) -> Severity | None:
    if "severity" not in section.model_fields_set:
        return base.severity
    return None if section.severity == OFF else Severity(section.severity)


def _parameters(base: Parameters | None, values: Mapping[str, Any]) -> Parameters | None:
    if base is None:
        return None
    changed = {key: value for key, value in values.items() if key not in COMMON_KEYS}
    return replace(base, **changed)  # type: ignore[type-var]  # every subclass is a dataclass


def _refuse_vain_settings(
    check: Check, rule: Rule, values: Mapping[str, Any], document: Document[PolicySection]
) -> None:
    """Who sets something of a check that is off elsewhere believes that it runs."""
    if not rule.off or "severity" in values or not values:
        return
    where = document.where("checks", check.name)
    raise UsageError(
        f"{where}: checks.{check.name}: the check is off ({rule.origins['severity']}), so this sets nothing",
        hint=f"give it a `severity` as well, e.g. `severity: {check.severity}`",
    )
