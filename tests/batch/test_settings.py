"""An image's own settings over the defaults, over imgtool's; what decides the result is hashed."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import manifest, planned

from imgtool.batch.plan import read_plan
from imgtool.batch.settings import with_key
from imgtool.errors import UsageError
from imgtool.model.batch import Task, TaskOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.cloud_boot import BootPlace
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.fix import FixOptions
from imgtool.model.source import SourceHash


def only(folder: Path, text: str, **environment: str) -> Task:
    (found,) = planned(folder, text, "a.raw", **environment).tasks
    return found


def test_by_itself(tmp_path: Path) -> None:
    found = only(tmp_path, "images: [a.raw]\n", OS_CLOUD="mine")
    same = Task(found.key, f"{tmp_path}/a.raw", "a", GlanceTarget("a"), found.settings_hash)
    assert found == replace(same, clouds=(CloudName("mine"),), where=f"{tmp_path}/images.yaml:1")
    assert only(tmp_path, "images: [a.raw]\n").clouds == (CloudName(None),)


def test_its_own_over_the_defaults(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        "defaults: {clouds: [x], name: 'all-{stem}', tags: [a], properties: {p: 1, q: 2}, retries: 5,"
        " output: out/, compression: zstd, members: [m]}\n"
        "images: [{source: a.raw, tags: [b], properties: {q: 3}, retries: null,"
        " min-ram: 512, deadline: 2h}]\n",
    )
    assert found.wanted == GlanceTarget("all-a", "shared", tags=("b",), members=("m",), min_ram_mib=512)
    assert found.properties == {"p": "1", "q": "3"}
    assert (found.retries, found.deadline_seconds, found.compression) == (1, 7200, "zstd")
    assert found.output == tmp_path / "out" / "all-a.qcow2"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("clouds: []", "no cloud and no output"),
        ("target-format: raw, compression: zlib", "a raw image has none"),
        ("target-format: raw, output: b.qcow2", "its name claims that it is qcow2"),
        ("output: b.vmdk", "its name claims that it is vmdk"),
        ("stores: [a], all-stores: true", "exclude each other"),
        ("stores: [a, b], method: direct", "one store only"),
        ("members: [m], visibility: public", "an image that is public has no members"),
        ("policy: opnstack", "neither a profile nor a file"),
        ("output: o, boot: true", "goes to no cloud is not judged"),
        ("output: o, fix: true", "goes to no cloud is not judged"),
        ("packages: [a.deb]", "packages are for a repair"),
        ("repository: folder", "packages are for a repair"),
        ("clouds: [x], fix: true, packages: [a.raw]", "ends with none of .deb"),
        ("clouds: [x], fix: true, packages: [b.deb]", "b.deb: No such file"),
        ("clouds: [x], fix: true, repository: b", "b: it is no folder"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(tmp_path: Path, keys: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        only(tmp_path, f"images:\n  - {{source: a.raw, {keys}}}\n")
    assert caught.value.message.startswith(f"{tmp_path}/images.yaml:2: ")


def test_packages_stand_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    for name in ("a.deb", "pool/b.deb"):
        (tmp_path / name).touch()
    defaults = "defaults: {clouds: [x], fix: true, packages: [a.deb], repository: pool}\n"
    found = only(tmp_path, f"{defaults}images: [a.raw]\n").options.fix
    assert found == FixOptions(packages=(tmp_path / "a.deb",), repository=tmp_path / "pool")
    own = only(tmp_path, f"{defaults}images: [{{source: a.raw, packages: null}}]\n").options.fix
    assert own == FixOptions(repository=tmp_path / "pool")
    assert only(tmp_path, f"{defaults}images: [{{source: a.raw, fix: false}}]\n").options.fix is None


@pytest.mark.parametrize(("output", "made"), [("b.raw", "raw"), ("b.img", "qcow2"), ("o/", "qcow2")])
def test_the_outputs_ending_decides_what_is_made(output: str, made: str, tmp_path: Path) -> None:
    assert only(tmp_path, f"images: [{{source: a.raw, output: {output}}}]\n").target_format == made


def test_the_hash_is_of_what_decides_the_result(tmp_path: Path) -> None:
    def hashed(keys: str) -> str:
        return only(tmp_path, f"images: [{{source: a.raw, clouds: [x], {keys}}}]\n").settings_hash

    plain = hashed("derive: true")
    assert plain == hashed("deadline: 1h") == hashed("retries: 7") == hashed("source-hash: none")
    changes = (
        "name: b",
        "compression: zlib",
        "policy: minimal",
        "tags: [t]",
        "derive: false",
        "output: o",
        "boot: true",
    )
    assert len({plain, *map(hashed, changes)}) == len(changes) + 1


def test_the_hash_is_of_the_checks_that_the_command_line_chose(tmp_path: Path) -> None:
    task = only(tmp_path, "images: [{source: a.raw, clouds: [x]}]\n")

    def hashed(*ignored: str, insist: bool = False) -> str:
        options = TaskOptions(insist=insist, choice=CheckChoice(ignored=ignored))
        return with_key(replace(task, options=options), "openstack").settings_hash

    assert len({hashed(), hashed("a"), hashed("b"), hashed(insist=True), hashed("a", insist=True)}) == 5


@pytest.mark.parametrize(
    ("keys", "asked", "boots"),
    [
        ("clouds: [x]", None, None),
        ("clouds: [x]", "local", "local"),
        ("clouds: [x]", "cloud", "cloud"),
        ("clouds: [x], boot: true", None, "local"),
        ("clouds: [x], boot: local", "cloud", "local"),
        ("clouds: [x], boot: cloud", "local", "cloud"),
        ("clouds: [x], boot: false", "cloud", None),
        ("clouds: [x], output: o", "local", "local"),
        ("output: o", "cloud", None),
    ],
)
def test_the_manifest_s_word_on_a_boot_is_over_the_option_s(
    tmp_path: Path, keys: str, asked: BootPlace | None, boots: BootPlace | None
) -> None:
    path = manifest(tmp_path, f"images: [{{source: a.raw, {keys}}}]\n", "a.raw")
    (found,) = read_plan(path, {}, boot=asked).tasks
    assert found.boot is (boots == "local")
    assert (found.options.cloud_boot is not None) is (boots == "cloud")


@pytest.mark.parametrize(
    ("text", "asked", "found"),
    [
        ("images: [a.raw]", "sha256", "sha256"),
        ("images: [a.raw]", "sha256-chunks", "sha256-chunks"),
        ("{defaults: {source-hash: none}, images: [a.raw]}", "sha256-chunks", "none"),
        (
            "{defaults: {source-hash: none}, images: [{source: a.raw, source-hash: sha256}]}",
            "none",
            "sha256",
        ),
        ("{defaults: {source-hash: none}, images: [{source: a.raw, source-hash: null}]}", "sha256", "sha256"),
    ],
)
def test_the_hash_of_the_source_is_the_manifest_s_before_the_option_s(
    tmp_path: Path, text: str, asked: SourceHash, found: SourceHash
) -> None:
    (task,) = read_plan(manifest(tmp_path, f"{text}\n", "a.raw"), {}, source_hash=asked).tasks
    assert task.source_hash == found


def test_keys_are_file_names_and_stay(tmp_path: Path) -> None:
    text = f"images: [{{source: a.raw, name: '../{'é /' * 50}'}}]\n"
    first = only(tmp_path, text).key
    assert first == only(tmp_path, text).key
    assert first.isascii()
    assert len(first) <= 71
    assert "/" not in first
    assert not first.startswith(".")
