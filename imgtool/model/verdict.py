"""What the checks found."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a check found. Only PASS and SKIPPED (it does not apply) let an image through."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    ERROR = "error"


class Severity(StrEnum):
    """What it means for the image when a check does not pass."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of one check."""

    check: str
    outcome: Outcome
    severity: Severity
    message: str
    evidence: str = ""
    remedy: str = ""
    because_of: str = ""
    """Skipped, as it is unknown for the same cause as this check, which tells it."""
    known: bool = False
    """It stands in the baseline that the run was given: it is reported, and fails nothing."""

    @property
    def fails_image(self) -> bool:
        """Severity error, and neither passed nor skipped nor known: unknown is never a pass."""
        return (
            not self.known
            and self.severity is Severity.ERROR
            and self.outcome not in {Outcome.PASS, Outcome.SKIPPED}
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings of one image."""

    image: str
    findings: tuple[Finding, ...]
    policy: str = "openstack"
    """Name of the profile, or path of the file, by which it was judged."""

    @property
    def passed(self) -> bool:
        """Whether at least one check ran, and every check of severity error passed."""
        ran = any(finding.outcome is not Outcome.SKIPPED for finding in self.findings)
        return ran and not any(finding.fails_image for finding in self.findings)
