"""The Python API: the five functions, what they load and when, and what they raise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.fixtures import fixture_path
from support.images import create, raw_content

import imgtool
from imgtool.errors import ImageUnreadableError, UsageError
from imgtool.model.conversion import ConversionOptions
from imgtool.model.delivery import GlanceTarget
from imgtool.model.fix import FixOptions
from imgtool.model.verdict import Outcome

HEAVY = ("click", "tqdm", "openstack", "keystoneauth1", "dissect", "jinja2", "pydantic", "yaml", "oslo_utils")
LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_by(code: str) -> set[str]:
    """What is loaded, by its top names, in an interpreter that ran `code`."""
    command = [sys.executable, "-c", f"{code}\n{LOADED}"]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_the_package_loads_nothing() -> None:
    without = loaded_by("")
    assert loaded_by("import imgtool; dir(imgtool)") - without == {"imgtool"}


def test_a_function_loads_nothing_of_the_command_line() -> None:
    assert loaded_by("from imgtool import inspect, convert").isdisjoint({"click", "tqdm"})
    assert loaded_by("import imgtool.errors").isdisjoint(HEAVY)


def test_convert_is_the_function_whatever_was_loaded_before() -> None:
    calls = "assert callable(convert); import imgtool; assert imgtool.convert is convert"
    loaded_by(f"from imgtool import convert; {calls}")
    loaded_by(f"import imgtool.convert.engine; from imgtool import convert; {calls}")
    loaded_by(f"from imgtool.convert import engine; from imgtool import convert, inspect; {calls}")


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'judge'"):
        _ = imgtool.judge  # type: ignore[attr-defined]  # that is what is tested
    assert set(imgtool.__all__) <= set(dir(imgtool))


def test_types_are_seen_by_a_type_checker(tmp_path: Path) -> None:
    source = (
        "from imgtool import check, convert, inspect, prepare, upload\n"
        "reveal_type(inspect('a').image.format)\n"
        "reveal_type(check('a').passed)\n"
        "reveal_type(convert('a', 'b').file_size_bytes)\n"
        "reveal_type(prepare('a', clouds='one').uploads)\n"
        "upload('a', nam='b')\n"
    )
    (tmp_path / "user.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "user.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = [line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("user.py")]
    assert told[:3] == [f'note: Revealed type is "{name}"' for name in ("str", "bool", "int")]
    assert "UploadResult | " in told[3]
    assert told[4].startswith('error: Unexpected keyword argument "nam" for "upload"')


def test_inspect_and_check() -> None:
    disk = fixture_path("ext4-gpt")
    found = imgtool.inspect(disk)
    assert (found.image.format, found.guest.status) == ("raw", "known")
    all_of_it, one = imgtool.check(str(disk)), imgtool.check(disk, select=["machine-id"])
    ran = [finding.check for finding in one.findings if finding.outcome is not Outcome.SKIPPED]
    assert ran == ["machine-id"]
    assert len(all_of_it.findings) > 20
    assert all_of_it.policy == "openstack"


def test_a_policy_is_named_or_a_file(tmp_path: Path) -> None:
    disk = fixture_path("data-disk")
    assert imgtool.check(disk, policy="data").passed
    assert not imgtool.check(disk).passed
    policy = tmp_path / "policy.yaml"
    policy.write_text("extends: data\n")
    assert imgtool.check(disk, policy=str(policy)).passed
    with pytest.raises(UsageError, match="machine-it"):
        imgtool.check(disk, ignore=["machine-it"])


def test_convert_writes_what_is_verified(tmp_path: Path) -> None:
    source, target = fixture_path("data-disk"), tmp_path / "made.qcow2"
    done = imgtool.convert(source, target, compression="zstd", options=ConversionOptions(verify="full"))
    assert done.file_size_bytes == target.stat().st_size
    assert raw_content(target, "qcow2") == source.read_bytes()
    with pytest.raises(UsageError, match="already exists"):
        imgtool.convert(source, target)
    again = imgtool.convert(target, tmp_path / "back.raw", overwrite=True)
    assert again.plan.target_format == "raw"


def test_a_plan_of_an_upload_asks_no_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    image = create(tmp_path / "disk.qcow2")
    planned = imgtool.upload(
        image, clouds=["one", "two/north"], properties={"os_type": "linux"}, dry_run=True
    )
    assert [plan.cloud for plan in planned.upload_plans] == ["one", "two/north"]
    assert planned.upload_plans[0].wanted.name == "disk"
    assert planned.uploads == ()
    assert not (tmp_path / "state").exists()
    wanted = GlanceTarget("golden", visibility="public")
    assert imgtool.upload(image, wanted=wanted, dry_run=True).upload_plans[0].wanted == wanted


def test_what_is_refused_is_not_prepared(tmp_path: Path) -> None:
    judged = imgtool.prepare(fixture_path("data-disk"), clouds="one", target_format="raw", dry_run=True)
    assert judged.judgement is not None
    assert not judged.judgement.passed
    assert (judged.upload_plans, judged.uploads) == ((), ())
    planned = imgtool.prepare(
        fixture_path("data-disk"), clouds="one", policy="data", target_format="raw", dry_run=True
    )
    assert planned.upload_plans[0].disk_format == "raw"


def test_what_would_be_repaired_is_in_the_plan() -> None:
    image = fixture_path("windows-no-netkvm")
    found = imgtool.prepare(image, clouds="one", target_format="raw", fix=FixOptions(), dry_run=True)
    assert found.fix is not None
    assert "only a Linux guest can repair itself" in found.fix.plan.left.values()
    assert (found.fit, found.upload_plans) == (False, ())


def test_mistakes_are_errors_of_imgtool(tmp_path: Path) -> None:
    image = create(tmp_path / "disk.qcow2")
    with pytest.raises(UsageError, match="exclude each other"):
        imgtool.upload(image, name="a", wanted=GlanceTarget("b"), dry_run=True)
    with pytest.raises(UsageError, match="NAME/REGION"):
        imgtool.upload(image, clouds="one/", dry_run=True)
    with pytest.raises(ImageUnreadableError):
        imgtool.inspect(tmp_path / "missing.raw")


def test_a_hash_of_the_source_that_there_is_not_is_refused_before_a_cloud_is_asked() -> None:
    with pytest.raises(UsageError, match="there is no source_hash 'sha1'"):
        imgtool.prepare("a.raw", clouds="one", source_hash="sha1")  # type: ignore[arg-type]  # it is tested
