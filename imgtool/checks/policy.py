"""What a policy is to the checks: which of them run, what each weighs, and with which parameters.

Where policies come from, profiles and files, is imgtool/policy/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgtool.checks.check import Check, Parameters
from imgtool.model.verdict import Outcome, Severity

BY_DEFAULT = "default"
"""What set a key that nobody set."""

OFF = "off"
"""The word for no severity at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one check is applied."""

    severity: Severity | None
    """None: the check is off."""
    unknown: Severity | None = None
    """What it weighs when the check cannot tell; None is as much as `severity`."""
    parameters: Parameters | None = None
    """None where the check has none."""
    ignored: bool = False
    """It is off by the command line, and reports say so."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """For each key that is not as the check has it by itself, what set it: `profile strict`, `FILE:LINE`."""

    @property
    def off(self) -> bool:
        """The check does not run."""
        return self.severity is None

    def is_idle(self, check: Check) -> bool:
        """It would run, but judges only what a policy asks for, and nothing is asked."""
        return check.on_request and self.parameters == check.parameters

    def severity_of(self, outcome: Outcome) -> Severity:
        """The severity of a finding. `unknown` speaks of facts only: a check that crashed keeps its own."""
        if outcome is Outcome.UNKNOWN and self.unknown is not None:
            return self.unknown
        return self.severity or Severity.ERROR


def own_rule(check: Check) -> Rule:
    """The check as it is by itself."""
    return Rule(check.severity, parameters=check.parameters)


@dataclass(frozen=True, slots=True)
class Policy:
    """A set of rules with a name."""

    name: str
    """Of the built-in profile, or the path of the file."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """By the name of the check; a check that is not here is as it is by itself."""

    def rule(self, check: Check) -> Rule:
        """How `check` is applied."""
        return self.rules.get(check.name) or own_rule(check)


OPENSTACK = Policy("openstack")
"""The default: every check as it is by itself. It is here, and not read, so that it costs no time."""
