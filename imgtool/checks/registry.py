"""Finds the checks, runs them, and never lets a crashed one count as a pass."""

import importlib
import inspect
import pkgutil
from functools import cache

import imgtool.checks
from imgtool.checks.check import Check, Verdict
from imgtool.errors import FormatMismatchError, ImgtoolError
from imgtool.model import Finding, Inspection, Judgement, Outcome, Severity

_SEVERITY_ORDER = list(Severity)


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this package, errors first, then by name."""
    modules = (_module(info.name) for info in pkgutil.iter_modules(imgtool.checks.__path__))
    found = [module.CHECK for module in modules if hasattr(module, "CHECK")]
    return tuple(sorted(found, key=lambda check: (_SEVERITY_ORDER.index(check.severity), check.name)))


def find_check(name: str) -> Check | None:
    """The check of that name."""
    return next((check for check in all_checks() if check.name == name), None)


def explanation(check: Check) -> str:
    """The docstring of the check's module: what it checks, why it matters, how to fix."""
    return inspect.getdoc(_module(check.name.replace("-", "_"))) or ""


def judge(inspection: Inspection) -> Judgement:
    """The findings of every check about one image."""
    findings = tuple(_run(check, inspection) for check in all_checks())
    return Judgement(str(inspection.image.origin.path), findings)


def refused(path: str, error: ImgtoolError) -> Judgement:
    """The judgement of an image that the gate did not let in: nothing else can be said of it."""
    name = "image-format" if isinstance(error, FormatMismatchError) else "image-safe"
    finding = Finding(name, Outcome.FAIL, Severity.ERROR, error.message, "", error.hint)
    return Judgement(path, (finding,))


def _run(check: Check, inspection: Inspection) -> Finding:
    verdict = _examine(check, inspection)
    return Finding(
        check.name, verdict.outcome, check.severity, verdict.message, verdict.evidence, verdict.remedy
    )


def _examine(check: Check, inspection: Inspection) -> Verdict:
    try:
        return check.examine(inspection)
    except Exception as error:  # whatever went wrong in one check, the others still run
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return Verdict(Outcome.ERROR, reason, "", "please report this, with the output of `imgtool inspect`")


def _module(name: str):  # type: ignore[no-untyped-def]  # a module has no better type than its attributes
    return importlib.import_module(f"{imgtool.checks.__name__}.{name}")
