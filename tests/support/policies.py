"""Policies for tests."""

from pathlib import Path

from imgtool.checks.policy import Policy, Rule
from imgtool.checks.registry import all_checks
from imgtool.checks.rules.distribution_allowed import AllowedDistributions
from imgtool.checks.rules.forbidden_files import ForbiddenFiles
from imgtool.checks.rules.required_modules import RequiredModules
from imgtool.checks.rules.unchanged import Unchanged
from imgtool.checks.rules.virtual_size import Size, VirtualSize
from imgtool.model.verdict import Severity


def asking(largest_bytes: int, allowed: tuple[str, ...]) -> Policy:
    """Every check that judges only what is asked for is asked."""
    return Policy(
        "asking",
        {
            "virtual-size": Rule(Severity.ERROR, parameters=VirtualSize(largest=Size(largest_bytes))),
            "distribution-allowed": Rule(Severity.ERROR, parameters=AllowedDistributions(allowed=allowed)),
            "required-modules": Rule(
                Severity.ERROR, parameters=RequiredModules(modules=("virtio_rng", "virtio_balloon"))
            ),
            "unchanged": Rule(Severity.ERROR, parameters=Unchanged(kinds=("users",))),
            "forbidden-files": Rule(Severity.ERROR, parameters=ForbiddenFiles(paths=("/root/.netrc",))),
        },
    )


ASKING = asking(20 << 30, ("debian 12", "ubuntu", "windows"))
"""The facts of tests/support/facts.py pass all of it, as they are."""


def written(folder: Path, text: str, name: str = "team.yaml") -> Path:
    """`text` as a file."""
    path = folder / name
    path.write_text(text)
    return path


def lenient(folder: Path) -> Path:
    """A policy by which an empty disk passes."""
    judging = [check for check in all_checks() if not check.on_request]  # the others need a parameter
    checks = "".join(f"  {check.name}: warning\n" for check in judging)
    return written(folder, f"checks:\n{checks}")
