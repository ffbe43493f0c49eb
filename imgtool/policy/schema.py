"""What may stand in a policy file, as pydantic models that are made of the checks.

Nothing here knows a check by its name: a new one, and its parameters, can be set at once.
"""

from dataclasses import fields
from functools import cache
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, cast, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, create_model, model_validator
from pydantic_core import CoreSchema

from imgtool.checks.check import Check, Parameters
from imgtool.checks.policy import OPENSTACK
from imgtool.checks.registry import all_checks, explanation
from imgtool.util.yaml_file import Section, complaint

COMMON_KEYS = ("severity", "unknown")
"""What can be set of every check."""


class CheckSection(Section):
    """What a policy says of one check: a mapping, or a severity alone. Only the keys that are set count."""

    severity: Literal["error", "warning", "info", "off"] = "error"
    unknown: Literal["error", "warning", "info"] = "error"

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return what an editor is told: the severity alone is enough."""
        whole = handler(core_schema)
        severity = handler.resolve_ref_schema(whole)["properties"]["severity"]
        return {"anyOf": [severity, whole]}

    @model_validator(mode="before")
    @classmethod
    def _severity_alone(cls, value: Any) -> Any:
        if not isinstance(value, (str, dict)):
            raise complaint("must be error, warning, info or off, or a mapping of keys to values")
        return {"severity": value} if isinstance(value, str) else value


class ChecksSection(Section):
    """One field for each check; the models are made by `policy_model`."""

    noun: ClassVar[str] = "check"
    listed_by: ClassVar[str] = "`imgtool explain` lists the checks"


class PolicySection(Section):
    """The whole file."""

    extends: str = OPENSTACK.name
    """A built-in profile, or another file, relative to this one."""
    checks: ChecksSection = ChecksSection()


@cache
def policy_model() -> type[PolicySection]:
    """The model of a policy file, for the checks that there are."""
    sections: dict[str, Any] = {
        _field_name(check): (_check_model(check), Field(default=None, alias=check.name))
        for check in all_checks()
    }
    checks = create_model("Checks", __base__=ChecksSection, **sections)
    return create_model("Policy", __base__=PolicySection, checks=(checks, checks()))


def section_of(document: PolicySection, check: Check) -> CheckSection | None:
    """What the file says of `check`; None where it says nothing."""
    return cast("CheckSection | None", getattr(document.checks, _field_name(check)))


def _field_name(check: Check) -> str:
    return check.name.replace("-", "_")


def _check_model(check: Check) -> type[CheckSection]:
    parameters: dict[str, Any] = {} if check.parameters is None else _parameter_fields(check.parameters)
    summary = explanation(check).partition("\n")[0]
    return create_model(check.name, __base__=CheckSection, __doc__=summary, **parameters)


def _parameter_fields(defaults: Parameters) -> dict[str, Any]:
    hints = get_type_hints(type(defaults), include_extras=True)
    return {field.name: (_as_text(hints[field.name]), None) for field in fields(cast("Any", defaults))}


def _as_text(kind: Any) -> Any:
    """The type for pydantic: a switch; or text, and the function that makes its value of it."""
    if kind is bool:
        return kind
    if get_origin(kind) is Annotated:
        _, parse = get_args(kind)
        return Annotated[str, AfterValidator(parse)]
    if get_origin(kind) is tuple:
        item, _ = get_args(kind)
        return tuple[_as_text(item), ...]  # type: ignore[misc]  # made at run time
    (kept,) = (one for one in get_args(kind) if one is not NoneType)
    return _as_text(kept)
