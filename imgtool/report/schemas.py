"""The JSON Schemas that `imgtool schema` prints, by name: of files that it reads, and of what it prints."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from imgtool.batch.manifest import Manifest
from imgtool.policy.schema import policy_model
from imgtool.report.documents import delivery, difference, facts, others, verdicts
from imgtool.util.json_schema import Schema, of_document, of_yaml

FILES: Mapping[str, Callable[[], Schema]] = MappingProxyType(
    {
        "policy": lambda: of_yaml(policy_model(), "A policy of imgtool"),
        "manifest": lambda: of_yaml(Manifest, "A manifest of imgtool batch", variables=True),
    }
)
"""What an editor checks while a file is written. imgtool itself knows more, and says it with the line."""

DOCUMENTS: Mapping[str, Any] = MappingProxyType(
    {
        "inspect": facts.Inspection,
        "diff": difference.Difference,
        "check": verdicts.Results,
        "convert": delivery.Conversion,
        "upload": delivery.Delivered,
        "prepare": verdicts.Prepared,
        "batch": others.Batch | others.BatchPlan,
        "copy": delivery.Copies,
        "retire": delivery.Retired,
        "fix": verdicts.Fixed,
        "boot": verdicts.Boots | verdicts.BootInCloud,
        "explain": others.Explanations,
        "doctor": others.Doctor,
        "help": others.Topics | others.Chapter,
        "error": others.Error,
    }
)
"""What each command prints with `--output json`; `error` is what any of them prints where it fails."""

NAMES = (*FILES, *DOCUMENTS)


def schema(name: str) -> Schema:
    """Return the schema of that name, one of NAMES."""
    if name in FILES:
        return FILES[name]()
    return of_document(DOCUMENTS[name], "An error of imgtool" if name == "error" else f"imgtool {name}")
