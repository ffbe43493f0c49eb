"""Policies for tests."""

import re
from pathlib import Path

from imgtool.checks.distribution_allowed import AllowedDistributions
from imgtool.checks.forbidden_files import ForbiddenFiles
from imgtool.checks.policy import Policy, Rule
from imgtool.checks.required_modules import RequiredModules
from imgtool.checks.virtual_size import Size, VirtualSize
from imgtool.model.judgement import Severity


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
            "forbidden-files": Rule(Severity.ERROR, parameters=ForbiddenFiles(paths=("/root/.netrc",))),
        },
    )


ASKING = asking(20 << 30, ("debian 12", "ubuntu", "windows"))
"""The facts of tests/support/facts.py pass all of it, as they are."""

README = Path(__file__).parents[2] / "README.md"


def policy_example() -> str:
    """The policy file that the README shows."""
    return _block("policy.yaml")


def manifest_example() -> str:
    """The manifest that the README shows."""
    return _block("images.yaml")


def _block(name: str) -> str:
    (block,) = re.findall(rf"```yaml\n(# {re.escape(name)}\n.*?)```", README.read_text(), re.DOTALL)
    return str(block)


def written(folder: Path, text: str, name: str = "team.yaml") -> Path:
    """`text` as a file."""
    path = folder / name
    path.write_text(text)
    return path
