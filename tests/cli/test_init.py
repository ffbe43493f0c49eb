"""`imgtool init`: what it writes works, and nothing that exists is lost."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cli import assert_clean_failure, imgtool
from support.fixtures import fixture_path
from support.images import convert
from support.schemas import assert_fits

from imgtool.cli.commands.init import FILES, TEMPLATES


@pytest.mark.parametrize("name", FILES)
def test_it_writes_its_files_once(name: str, tmp_path: Path) -> None:
    done = imgtool("init", name, "--dir", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    written = [tmp_path / "new" / path for path in FILES[name]]
    assert done.stdout.splitlines() == [f"wrote {path}" for path in written]
    written[-1].write_text("mine\n")
    assert_clean_failure(imgtool("init", name, "--dir", tmp_path / "new"), 2, "already exists", "--force")
    assert written[-1].read_text() == "mine\n"
    assert imgtool("init", name, "--dir", tmp_path / "new", "--force").returncode == 0
    assert (
        written[-1].read_text()
        == (TEMPLATES / FILES[name][str(written[-1].relative_to(tmp_path / "new"))]).read_text()
    )


def test_where_one_of_two_exists_none_is_written(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/imgtool-check.yaml").write_text("mine\n")
    assert_clean_failure(imgtool("init", "zuul", cwd=tmp_path), 2, "playbooks/imgtool-check.yaml")
    assert not (tmp_path / ".zuul.yaml").exists()


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_clean_failure(
        imgtool("init", "policy", "--dir", tmp_path / "file/new"), 2, "cannot be made", "--dir"
    )


@pytest.mark.parametrize("name", ["gitlab", "github", "zuul"])
def test_what_a_ci_reads_is_yaml(name: str) -> None:
    for template in FILES[name].values():
        assert yaml.safe_load((TEMPLATES / template).read_text())


def test_the_policy_is_taken_also_with_what_its_comments_show(tmp_path: Path) -> None:
    assert imgtool("init", "policy", cwd=tmp_path).returncode == 0
    written = tmp_path / "policy.yaml"
    everything = tmp_path / "all.yaml"
    everything.write_text(
        re.sub(r"^  # ((?:  )?[\w-]+:.*)$", r"  \1", written.read_text(), flags=re.MULTILINE)
    )
    for policy in (written, everything):
        shown = imgtool("explain", "--policy", policy)
        assert shown.returncode == 0, shown.stderr
    assert f"{written}:" in imgtool("explain", "serial-console", "--policy", written).stdout
    assert "all.yaml" in imgtool("explain", "agent-answers", "--policy", everything).stdout


def test_the_manifest_is_a_plan(tmp_path: Path) -> None:
    assert imgtool("init", "manifest", cwd=tmp_path).returncode == 0
    assert_clean_failure(
        imgtool("batch", "images.yaml", "--dry-run", cwd=tmp_path),
        2,
        "images.yaml:",
        "matches images/*.qcow2",
    )
    (tmp_path / "images").mkdir()
    convert(fixture_path("data-disk"), tmp_path / "images/data.qcow2", "raw", "qcow2")
    done = imgtool("batch", "images.yaml", "--dry-run", "--output", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"name": "data"' in done.stdout


def test_the_schemas_take_both() -> None:
    for name, template in (("policy", "policy.yaml"), ("manifest", "images.yaml")):
        document: Any = yaml.safe_load((TEMPLATES / template).read_text())
        assert_fits(name, document)
        assert f"$schema={name}.schema.json" in (TEMPLATES / template).read_text()
