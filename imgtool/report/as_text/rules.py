"""A policy in force, as text: each check, what it weighs, its parameters, and where each was set."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, cast

from imgtool.checks.check import Check
from imgtool.checks.policy import BY_DEFAULT, OFF, Policy, Rule
from imgtool.report.as_text.layout import Paint, plain
from imgtool.util.text import printable

_NAME_WIDTH = 26
_VALUE_WIDTH = 9


def in_force(policy: Policy, checks: Sequence[Check], paint: Paint = plain) -> str:
    """A line for each check, and below it one for each of its other settings."""
    lines = [f"{paint('policy', 'dim')} {paint(printable(policy.name), 'title')}", ""]
    for check in checks:
        lines += _rule(check, policy.rule(check), paint)
    return "\n".join(lines)


def _rule(check: Check, rule: Rule, paint: Paint) -> list[str]:
    severity = OFF if rule.severity is None else rule.severity.value
    note = ", skipped: nothing is asked for" if rule.is_idle(check) and not rule.off else ""
    origin = _origin(rule, "severity") + note
    head = f"{paint(check.name.ljust(_NAME_WIDTH), 'title')} {severity.ljust(_VALUE_WIDTH)} "
    return [head + paint(origin, "dim"), *_settings(rule, paint)]


def _settings(rule: Rule, paint: Paint) -> Iterator[str]:
    for key, value in _values(rule):
        yield f"    {key}: {printable(value)}  {paint(_origin(rule, key), 'dim')}"


def _values(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.unknown is not None:
        yield "unknown", rule.unknown.value
    if rule.parameters is None:
        return
    for field in fields(cast("Any", rule.parameters)):
        value = getattr(rule.parameters, field.name)
        yield field.name, _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return "none" if value is None else str(value)


def _origin(rule: Rule, key: str) -> str:
    return printable(rule.origins.get(key, BY_DEFAULT))
