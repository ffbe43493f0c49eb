"""Finds the checks, runs them, and never lets a crashed one count as a pass."""

import importlib
import inspect
import pkgutil
from functools import cache

from imgtool.checks import rules
from imgtool.checks.causes import told_once
from imgtool.checks.check import Check, Verdict, skipped
from imgtool.checks.exemptions import applied
from imgtool.checks.policy import OPENSTACK, Policy, Rule
from imgtool.errors import FormatMismatchError, ImgtoolError, UsageError
from imgtool.model.facts import GuestQuery
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Finding, Judgement, Outcome, Severity
from imgtool.util import misspelt

_SEVERITY_ORDER = list(Severity)


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of rules/, errors first, then by name."""
    found = [_module(info.name).CHECK for info in pkgutil.iter_modules(rules.__path__)]
    return tuple(sorted(found, key=lambda check: (_SEVERITY_ORDER.index(check.severity), check.name)))


def find_check(name: str) -> Check | None:
    """The check of that name."""
    return next((check for check in all_checks() if check.name == name), None)


def named_check(name: str) -> Check:
    """The check of that name. Raises UsageError that suggests another where there is none."""
    found = find_check(name)
    if found is not None:
        return found
    names = [check.name for check in all_checks()]
    hint = misspelt.hint(name, names, "`imgtool explain` lists the checks")
    raise UsageError(f"there is no check named {name!r}", hint=hint)


def runs_any(policy: Policy) -> bool:
    """Whether any check judges anything under this policy."""
    rules = [(check, policy.rule(check)) for check in all_checks()]
    return not all(rule.off or rule.is_idle(check) for check, rule in rules)


def explanation(check: Check) -> str:
    """The docstring of the check's module: what it checks, why it matters, how to fix."""
    return inspect.getdoc(_module(check.name.replace("-", "_"))) or ""


def judge(inspection: Inspection, policy: Policy = OPENSTACK) -> Judgement:
    """The findings about one image of every check that `policy` has not turned off."""
    chosen = [(check, policy.rule(check)) for check in all_checks()]
    findings = [_run(check, rule, inspection) for check, rule in chosen if not rule.off]
    left_out = [_ignored(check) for check, rule in chosen if rule.off and rule.ignored]
    asked = {check.name for check, _ in chosen if check.on_request}
    told = (*told_once(findings, inspection.guest, asked), *left_out)
    return Judgement(str(inspection.image.origin.path), told, policy.name)


def allows_boot(judgement: Judgement) -> bool:
    """Nothing stands in the way but what only a boot can show."""
    after = {check.name for check in all_checks() if check.after_boot}
    return not any(finding.fails_image and finding.check not in after for finding in judgement.findings)


def guest_query(policy: Policy = OPENSTACK) -> GuestQuery:
    """What the guest has to be searched for, so that all checks of `policy` can judge."""
    rules = [policy.rule(check) for check in all_checks()]
    wanted = [rule.parameters.guest_query() for rule in rules if rule.parameters is not None and not rule.off]
    return GuestQuery(
        modules=tuple(dict.fromkeys(name for one in wanted for name in one.modules)),
        files=tuple(dict.fromkeys(path for one in wanted for path in one.files)),
    )


def refused(path: str, error: ImgtoolError, policy: Policy = OPENSTACK) -> Judgement:
    """The judgement of an image that the gate did not let in: nothing else can be said of it.

    No policy opens the gate, so `policy` gives it only its name.
    """
    name = "image-format" if isinstance(error, FormatMismatchError) else "image-safe"
    finding = Finding(name, Outcome.FAIL, Severity.ERROR, error.message, "", error.hint)
    return Judgement(path, (finding,), policy.name)


def _run(check: Check, rule: Rule, inspection: Inspection) -> Finding:
    verdict = _examine(check, rule, inspection)
    severity = rule.severity_of(verdict.outcome)
    if verdict.severity is not None and check.severity is severity:
        severity = max(severity, verdict.severity, key=_SEVERITY_ORDER.index)
    return Finding(check.name, verdict.outcome, severity, verdict.message, verdict.evidence, verdict.remedy)


def _ignored(check: Check) -> Finding:
    """Stands for a check that did not run, so that nobody takes the report for a whole one."""
    return Finding(check.name, Outcome.SKIPPED, check.severity, "off by --ignore on the command line")


def _examine(check: Check, rule: Rule, inspection: Inspection) -> Verdict:
    if rule.is_idle(check):
        return skipped("the policy asks for nothing that this check could judge")
    try:
        given = () if rule.parameters is None else (rule.parameters,)
        return applied(check.name, check.examine(inspection, *given), inspection.guest)
    except Exception as error:  # whatever went wrong in one check, the others still run
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return Verdict(Outcome.ERROR, reason, "", "please report this, with the output of `imgtool inspect`")


def _module(name: str):  # type: ignore[no-untyped-def]  # a module has no better type than its attributes
    return importlib.import_module(f"{rules.__name__}.{name}")
