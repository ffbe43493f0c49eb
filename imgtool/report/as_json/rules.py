"""A policy in force, as JSON."""

from dataclasses import asdict
from typing import Any, cast

from imgtool.checks.check import Check
from imgtool.checks.policy import BY_DEFAULT, OFF, Policy
from imgtool.report.as_json.values import Object, clean


def rule(check: Check, policy: Policy) -> Object:
    """How one check is applied: `set_by` says for each key whether that is the default, or who set it."""
    found = policy.rule(check)
    parameters = {} if found.parameters is None else asdict(cast("Any", found.parameters))
    keys = ("severity", "unknown", *parameters)
    return {
        "check": check.name,
        "severity": found.severity.value if found.severity is not None else OFF,
        "unknown": found.unknown.value if found.unknown is not None else None,
        "parameters": parameters,
        "set_by": {key: clean(found.origins.get(key, BY_DEFAULT)) for key in keys},
    }
