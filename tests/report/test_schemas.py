"""`imgtool schema`: the schemas are valid, and true of files and of documents."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from support import boots, facts
from support.batch_standing import standing
from support.cli import assert_clean_failure, imgtool
from support.documentation import DOCS, blocks, manifest_example, policy_example
from support.schemas import assert_fits

from imgtool.checks import registry
from imgtool.errors import CloudError
from imgtool.model.copying import Copy, CopyFailure
from imgtool.model.delivery import GlanceTarget, UploadFailure, UploadPlan, UploadResult
from imgtool.model.result import ImageResult
from imgtool.model.retirement import Retirement, RetirementFailure, Version
from imgtool.report import as_json, schemas
from imgtool.report.as_json import batch, boot


def valid(name: str, document: Any) -> bool:
    return Draft202012Validator(schemas.schema(name)).is_valid(document)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_it_is_a_schema_and_the_command_prints_it(name: str) -> None:
    printed = imgtool("schema", name)
    assert printed.returncode == 0, printed.stderr
    document = json.loads(printed.stdout)
    Draft202012Validator.check_schema(document)
    assert document == schemas.schema(name)
    assert document["title"]


def test_a_schema_that_there_is_not_is_a_usage_error() -> None:
    assert_clean_failure(imgtool("schema", "polizy"), 2, "policy", "manifest")


# ---------------------------------------------------------------- files


def test_the_policies_of_the_manual_fit() -> None:
    for block in blocks(DOCS / "policies.md", "yaml"):
        assert valid("policy", yaml.safe_load(block)), block
    assert valid("policy", yaml.safe_load(policy_example()))


@pytest.mark.parametrize(
    "text",
    [
        "checks: {machine-it: error}",
        "checks: {machine-id: fatal}",
        "checks: {machine-id: {severity: error, level: 3}}",
        "extend: strict",
        "checks: {virtual-size: {largest: [1G]}}",
    ],
)
def test_a_policy_that_imgtool_refuses_does_not_fit(text: str) -> None:
    assert not valid("policy", yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    ["checks: {virtual-size: {largest: 20G}}", "checks: {virtual-size: {largest: 512}}", "extends: data"],
)
def test_a_policy_that_imgtool_takes_fits(text: str) -> None:
    assert valid("policy", yaml.safe_load(text))


def test_an_editor_is_told_what_a_check_asks() -> None:
    described = schemas.schema("policy")["$defs"]["machine-id"]["anyOf"][1]["description"]
    assert registry.explanation(registry.named_check("machine-id")).startswith(described)


def test_the_manifest_of_the_manual_fits() -> None:
    assert valid("manifest", yaml.safe_load(manifest_example()))


@pytest.mark.parametrize(
    "image",
    [
        "golden.raw",
        {"source": "a.raw", "min-disk": "${DISK}", "protected": "${PROTECTED}", "deadline": "2h"},
        {"source": "a.raw", "deadline": 90, "name": 12.1, "clouds": [], "properties": {"hw_cpu_cores": 4}},
        {"source": "a.raw", "target-format": None, "compression": "${HOW}"},
    ],
)
def test_an_image_that_a_manifest_can_have_fits(image: Any) -> None:
    assert valid("manifest", {"images": [image]})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"images": [{"name": "a"}]},
        {"images": [{"source": "a.raw", "min-disk": -1}]},
        {"images": [{"source": "a.raw", "target_format": "raw"}]},
        {"images": ["a.raw"], "defaults": {"on-conflict": "overwrite"}},
        {"images": ["a.raw"], "defaults": {"source": "b.raw"}},
    ],
)
def test_a_manifest_that_imgtool_refuses_does_not_fit(document: Any) -> None:
    assert not valid("manifest", document)


# ---------------------------------------------------------------- documents

PLAN = UploadPlan("one", facts.image(), "raw", 2, GlanceTarget("debian", tags=("a",)), ())
OLD = Version("id-1", "debian", "", 512, "kept", "among the newest 2")
RETIRED = Retirement("one", "debian", 2, (OLD,), ("Cinder was not asked",))
DONE = UploadResult(PLAN, "an-id", "active", 512, "sha512", "abcd", "raw", 1.0, retired=RETIRED)
FAILED = UploadFailure(replace(PLAN, cloud="two"), "full", "make room", 6)
COPIED = Copy("one", "id", "debian", ("fast",), ("slow", "fast"), 512, "sha512", "ab", 1.0)
DELIVERED = ImageResult(
    registry.judge(facts.inspection()), facts.inspection(), upload_plans=(PLAN,), uploads=(DONE, FAILED)
)

DOCUMENTS: list[tuple[str, Any]] = [
    ("inspect", as_json.inspection(facts.inspection(), ())),
    ("inspect", as_json.inspection(facts.windows_inspection(), ())),
    ("check", as_json.results([ImageResult(registry.judge(facts.inspection())), DELIVERED])),
    ("check", as_json.results([ImageResult(registry.refused("a.raw", CloudError("no")))])),
    ("boot", boot.document([boots.boot(), boots.stopped()], registry.judge(facts.inspection()))),
    ("upload", as_json.delivered(DELIVERED)),
    ("prepare", as_json.prepared(DELIVERED)),
    ("prepare", as_json.prepared(ImageResult(registry.judge(facts.inspection())))),
    ("batch", batch.status(standing()[0])),
    ("copy", as_json.copied([COPIED, CopyFailure("two", "debian", CloudError("no"))])),
    (
        "retire",
        as_json.retired([RETIRED, RetirementFailure("two", "a", "no", "", "cloud-failed")], dry_run=True),
    ),
    ("error", as_json.error(CloudError("no", hint="again"))),
]


@pytest.mark.parametrize(("name", "document"), DOCUMENTS)
def test_a_document_fits_its_schema(name: str, document: Any) -> None:
    assert_fits(name, json.loads(as_json.to_text(document)))


def test_a_reader_takes_keys_that_are_added_later() -> None:
    document = json.loads(as_json.to_text(as_json.error(CloudError("no"))))
    assert valid("error", {**document, "added": 1})
    assert not valid("error", {})


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "--policy", "strict"], ["doctor"]])
def test_what_these_print_fits(arguments: list[str]) -> None:
    """support.cli compares it."""
    assert imgtool(*arguments, "--output", "json").returncode == 0
