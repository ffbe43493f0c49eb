"""The guest is one of the systems that the policy allows.

What it checks
    ID and VERSION_ID of the guest's os-release against `allowed` of the policy, a list such as
    `[debian, ubuntu 24.04, rhel 9]`. A version allows all that it begins: `rhel 9` allows 9.4. Windows is
    `windows`, its versions are such as 10.0.20348. Skipped where the policy names none.

Why it matters
    Whoever runs a cloud supports some systems and not all: licences, security updates and monitoring hang
    on it.

How to fix
    Build the image from an allowed distribution, or add this one to `allowed` in the policy.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, unknown
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def distribution(text: str) -> str:
    """`ID` or `ID VERSION`, as os-release(5) has them."""
    name = " ".join(text.lower().split())
    if re.fullmatch(r"[a-z0-9._-]+( [a-z0-9._-]+)?", name) is None:
        raise ValueError(f"{text!r} is no distribution; `debian` and `rhel 9` are (ID and VERSION_ID)")
    return name


@dataclass(frozen=True, slots=True)
class AllowedDistributions(Parameters):
    """What a policy can set."""

    allowed: tuple[Annotated[str, distribution], ...] = ()
    """Of each the ID, or the ID and a version."""


def examine(inspection: Inspection, parameters: AllowedDistributions) -> Verdict:
    """The guest's name, and its version where one is asked for, are on the list."""
    guest = inspection.guest
    if guest.linux is not None:
        return _judge(guest.linux.os_distro, guest.linux.os_version, parameters.allowed)
    if guest.windows is not None:
        return _judge(Known("windows", "a Windows system"), guest.windows.version, parameters.allowed)
    return unknown(guest.reason)


def _judge(name: Fact[str], version: Fact[str | None], allowed: tuple[str, ...]) -> Verdict:
    if isinstance(name, Unknown):
        return unknown(name.reason)
    versions = [wanted for known, _, wanted in (one.partition(" ") for one in allowed) if known == name.value]
    if "" in versions:
        return passed(f"{name.value} is allowed", name.evidence)
    if versions and isinstance(version, Unknown):
        return unknown(version.reason)
    found = version.value if isinstance(version, Known) else None
    shown = f"{name.value} {found or ''}".strip()
    if found is not None and any(_begins(found.lower(), wanted) for wanted in versions):
        return passed(f"{shown} is allowed", name.evidence)
    return failed(
        f"{shown} is not among the systems that the policy allows",
        f"{name.evidence}; allowed: {', '.join(allowed)}",
        "build the image from an allowed distribution, or add this one to `allowed` in the policy",
    )


def _begins(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")


CHECK = Check("distribution-allowed", Severity.ERROR, examine, AllowedDistributions(), on_request=True)
