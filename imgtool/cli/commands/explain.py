"""`imgtool explain [CHECK]`: what a check looks at, why it matters, how to fix it; and how it is applied."""

from collections.abc import Sequence

import click

from imgtool.checks import registry
from imgtool.checks.check import Check
from imgtool.checks.policy import Policy
from imgtool.cli import completions, console, options, policies
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report import as_json
from imgtool.report.as_json.rules import rule
from imgtool.report.as_text.rules import in_force


@click.command("explain")
@click.argument("check", required=False, shell_complete=completions.checks)
@click.option(
    "--policy",
    metavar="FILE|PROFILE",
    shell_complete=completions.policies,
    help="Show what this policy sets: each check, its severity and parameters, and where they were set.",
)
@options.output
def command(check: str | None, policy: str | None, output: str) -> None:
    """Say what CHECK looks at, why it matters and how to fix it; without CHECK, list them all."""
    chosen = registry.all_checks() if check is None else (registry.named_check(check),)
    applied = None if policy is None else policies.chosen(policy)
    if output == "json":
        console.show(as_json.to_text(_as_json(chosen, applied)))
    elif check is not None:
        console.tell("\n\n".join(_as_text(chosen[0], applied)))
    elif applied is not None:
        console.tell(in_force(applied, chosen, console.paint))
    else:
        console.tell("\n".join(map(_line, chosen)))


def _as_json(checks: Sequence[Check], policy: Policy | None) -> as_json.Object:
    entries = [_entry(check, policy) for check in checks]
    named = {} if policy is None else {"policy": policy.name}
    return {"schema_version": SCHEMA_VERSION, **named, "checks": entries}


def _as_text(check: Check, policy: Policy | None) -> list[str]:
    title = console.paint(f"{check.name} ({check.severity.value})", "title")
    applied = [] if policy is None else [in_force(policy, [check], console.paint)]
    return [title, registry.explanation(check), *applied]


def _line(check: Check) -> str:
    summary = registry.explanation(check).partition("\n")[0]
    return f"{console.paint(check.name.ljust(24), 'title')} {check.severity.value.ljust(8)} {summary}"


def _entry(check: Check, policy: Policy | None) -> as_json.Object:
    entry = {"check": check.name, "severity": check.severity.value}
    applied = {} if policy is None else rule(check, policy)
    return {**entry, **applied, "explanation": registry.explanation(check)}
