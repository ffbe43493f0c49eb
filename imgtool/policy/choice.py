"""Applies what the command line says of single checks over a policy."""

from dataclasses import replace

from imgtool.checks.check import Check
from imgtool.checks.policy import Policy, Rule
from imgtool.checks.registry import all_checks, runs_any
from imgtool.errors import UsageError
from imgtool.model.choice import CheckChoice

SELECT = "--select"
IGNORE = "--ignore"


def with_choice(policy: Policy, choice: CheckChoice) -> Policy:
    """The policy with only these checks, or without those; its name says so.

    A check that is selected runs also where the policy has it off, as severe as it is by itself. Raises
    UsageError where no check is left.
    """
    if choice == CheckChoice():
        return policy
    rules = {check.name: _rule(check, policy.rule(check), choice) for check in all_checks()}
    made = Policy(" ".join([policy.name, *_options(choice)]), rules)
    if not runs_any(made):
        raise UsageError(f"no check runs under policy {made.name}", hint=_hint(choice))
    return made


def _rule(check: Check, rule: Rule, choice: CheckChoice) -> Rule:
    if check.name in choice.ignored and not rule.off:
        return replace(rule, severity=None, ignored=True, origins={**rule.origins, "severity": IGNORE})
    if not choice.selected:
        return rule
    if check.name not in choice.selected:
        return replace(rule, severity=None, origins={**rule.origins, "severity": SELECT})
    if rule.off and check.name not in choice.ignored:
        return replace(rule, severity=check.severity, origins={**rule.origins, "severity": SELECT})
    return rule


def _options(choice: CheckChoice) -> list[str]:
    return [
        *(f"{SELECT} {name}" for name in choice.selected),
        *(f"{IGNORE} {name}" for name in choice.ignored),
    ]


def _hint(choice: CheckChoice) -> str:
    asked = [check.name for check in all_checks() if check.on_request and check.name in choice.selected]
    if asked:
        return f"{asked[0]} judges only what a policy file sets of it"
    return f"leave some {IGNORE} out"
