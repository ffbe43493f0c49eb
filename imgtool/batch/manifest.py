"""What an operator writes: defaults, and a list of images. Keys are named as options of `imgtool prepare`.

A value may name environment variables, `${NAME}`; `$${` is a plain `${`. Secrets never belong here: neither
a key nor a variable whose name sounds like one is taken. docs/many-images.md has a table of all keys.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import ValidationInfo

from imgtool.batch import values
from imgtool.model.delivery import StoreType
from imgtool.model.source import SourceHash
from imgtool.util.redaction import names_secret
from imgtool.util.yaml_file import Document, Section, complaint, read_document

Text = Annotated[str, AfterValidator(values.text)]
PathText = Annotated[str, AfterValidator(values.path)]
Paths = Annotated[tuple[PathText, ...], AfterValidator(values.each_once)]
Texts = Annotated[tuple[Text, ...], AfterValidator(values.each_once)]
Count = Annotated[int, Field(ge=0)]

_TEXT: dict[str, Any] = {"type": "string"}

_VARIABLE = re.compile(r"\$(\$\{|\{([^}]*)\})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ManifestSection(Section):
    """Base of its mappings: variables are put in before a value is looked at, and secrets are refused."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    @classmethod
    def _refuse_unknown(cls, key: str) -> None:
        refuse_secret(key)
        super()._refuse_unknown(key)

    @field_validator("*", mode="before")
    @classmethod
    def _with_variables(cls, value: Any, info: ValidationInfo) -> Any:
        environment = (info.context or {}).get("environment", {})
        if isinstance(value, list):
            return [_expanded(one, environment) for one in value]
        if isinstance(value, dict):
            return {key: _expanded(one, environment) for key, one in value.items()}
        return _expanded(value, environment)


def _properties(found: dict[str, str]) -> dict[str, str]:
    for key in found:
        refuse_secret(key)
        if not key:
            raise complaint("a property has no name")
    return found


class Settings(ManifestSection):
    """What may stand in `defaults`, and in each image over that. None is what imgtool does by itself."""

    source_format: Annotated[str, AfterValidator(values.source_format)] | None = None
    checksum_file: PathText | None = None
    source_hash: SourceHash | None = None
    target_format: Literal["auto", "raw", "qcow2"] | None = None
    store_type: StoreType | None = None
    compression: Literal["none", "zlib", "zstd"] | None = None
    sparsify: bool | None = None
    name: Text | None = None
    output: PathText | None = None
    clouds: Annotated[tuple[Text, ...], AfterValidator(values.clouds)] | None = None
    visibility: Literal["private", "shared", "community", "public"] | None = None
    protected: bool | None = None
    hidden: bool | None = None
    tags: Texts | None = None
    members: Texts | None = None
    min_disk: Count | None = None
    min_ram: Count | None = None
    owner_project: Text | None = None
    method: Literal["direct", "import"] | None = None
    stores: Texts | None = None
    all_stores: bool | None = None
    on_conflict: Literal["fail", "skip", "replace", "new"] | None = None
    keep_last: Annotated[int, Field(ge=1)] | None = None
    metadata: Literal["scs"] | None = None
    properties: Annotated[dict[str, Text], AfterValidator(_properties)] | None = None
    derive: bool | None = None
    policy: Text | None = None
    boot: bool | Literal["local", "cloud"] | None = None
    fix: bool | None = None
    packages: Paths | None = None
    repository: PathText | None = None
    deadline: Annotated[float, BeforeValidator(values.seconds), WithJsonSchema(_TEXT)] | None = None
    retries: Annotated[int, Field(ge=0, le=100)] | None = None


class Image(Settings):
    """One item of `images`; where it is only a source, that alone may stand there."""

    source: PathText
    sha256: Annotated[str, AfterValidator(values.sha256)] | None = None
    sha512: Annotated[str, AfterValidator(values.sha512)] | None = None
    disk: Text | None = None
    id: Annotated[str, AfterValidator(values.image_id)] | None = None

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return what an editor is told: the source alone is enough."""
        return {"anyOf": [{"type": "string"}, handler(core_schema)]}

    @model_validator(mode="before")
    @classmethod
    def _source_alone(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value


def _some(found: tuple[Image, ...]) -> tuple[Image, ...]:
    """Not by pydantic's min_length, whose complaint would hide what is wrong with an item."""
    if not found:
        raise complaint("there is no image in it", hint="add some: images: [golden.qcow2]")
    return found


class Manifest(ManifestSection):
    """The whole file."""

    noun: ClassVar[str] = "key"

    defaults: Settings = Settings()
    images: Annotated[tuple[Image, ...], AfterValidator(_some)]

    @field_validator("*", mode="before")
    @classmethod
    def _with_variables(cls, value: Any, info: ValidationInfo) -> Any:
        """Expand variables in the two values, which are mappings."""
        return value


def read_manifest(path: Path, environment: Mapping[str, str]) -> Document[Manifest]:
    """The manifest `path`. Raises UsageError that names file, line and key."""
    return read_document(path, Manifest, {"environment": environment})


def refuse_secret(key: str) -> None:
    """Raises where `key` sounds like the name of a secret."""
    if names_secret(key):
        hint = (
            "credentials come from clouds.yaml or the OS_* variables, where only imgtool's processes see them"
        )
        raise complaint("a manifest holds no secrets", hint=hint, key=key)


def _expanded(value: Any, environment: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or "$" not in value:
        return value
    return _VARIABLE.sub(lambda found: _variable(found, environment), value)


def _variable(found: re.Match[str], environment: Mapping[str, str]) -> str:
    name = found.group(2)
    if name is None:
        return "${"
    if not _NAME.fullmatch(name):
        raise complaint(f"${{{name}}} names no variable", hint="write $${ where ${ itself is meant")
    if names_secret(name):
        raise complaint(f"${{{name}}} sounds like a secret, and a manifest holds none", hint=_SEEN)
    if name not in environment:
        raise complaint(f"the environment variable {name} is not set", hint=f"export {name}=...")
    return environment[name]


_SEEN = "what stands here is shown in plans, journals and reports"
