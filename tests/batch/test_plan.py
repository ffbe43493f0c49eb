"""The plan of a manifest; 1,000 images cost little time and memory, and nothing that runs them is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.batches import manifest, planned

from imgtool.batch.plan import only
from imgtool.errors import UsageError
from imgtool.model.batch import PlanProblem

SHA256 = "a" * 64


def test_in_the_order_of_the_manifest_and_of_paths(tmp_path: Path) -> None:
    files = ("b.raw", "a.raw", "z.qcow2", "policy.yaml")
    text = f"images: [z.qcow2, '*.raw', {{source: https://host/u.img, sha256: {SHA256}}}]\n"
    plan = planned(tmp_path, text, *files)
    assert [task.name for task in plan.tasks] == ["z", "a", "b", "u"]
    assert plan.manifest == tmp_path / "images.yaml"
    assert plan.problems == ()
    assert len({task.key for task in plan.tasks}) == 4


def test_what_will_fail_is_a_problem_of_one_task(tmp_path: Path) -> None:
    plan = planned(tmp_path, "images: [a.raw, missing.raw, {source: a.raw, output: no/b.raw}]\n", "a.raw")
    _, missing, nowhere = plan.tasks
    assert plan.problems == (
        PlanProblem(missing.key, f"{tmp_path}/missing.raw: there is no such file"),
        PlanProblem(nowhere.key, f"{tmp_path}/no/b.raw: the folder {tmp_path}/no does not exist"),
    )


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("'*.none'", "no file matches"),
        ("https://host/a", "sha256: a URL needs the hash"),
        ("{source: '*.raw', sha256: " + SHA256 + "}", "matches 2 files"),
        ("{source: '*.raw', id: 12345678-1234-5678-1234-567812345678}", "matches 2 files"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(tmp_path: Path, item: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        planned(tmp_path, f"images:\n  - c.img\n  - {item}\n", "a.raw", "b.raw")
    assert caught.value.message.startswith(f"{tmp_path}/images.yaml:3: ")


def test_hashes_from_the_publishers_list(tmp_path: Path) -> None:
    (tmp_path / "SUMS").write_text(f"{SHA256}  u.img\n{'b' * 128}  ./u.img\n{'c' * 64} *a.raw\n")
    text = "defaults: {checksum-file: SUMS, name: 'x-{stem}'}\nimages: ['*.raw', https://host/u.img]\n"
    file, url = planned(tmp_path, text, "a.raw").tasks
    assert (file.sha256, file.sha512) == ("c" * 64, None)
    assert (url.sha256, url.sha512) == (SHA256, None)
    wrong = {
        "b.raw": "SUMS: has no line for b.raw",
        "{source: a.raw, sha256: " + SHA256 + "}": "two different sha256 hashes",
        "{source: a.raw, checksum-file: none}": "none: cannot be read",
    }
    for item, words in wrong.items():
        with pytest.raises(UsageError, match=words) as caught:
            planned(tmp_path, f"defaults: {{checksum-file: SUMS}}\nimages:\n  - {item}\n", "a.raw")
        assert caught.value.message.startswith(f"{tmp_path}/images.yaml:3: ")


def test_a_thousand_images(tmp_path: Path) -> None:
    names = [f"{number:03}.raw" for number in range(1000)]
    items = "".join(f"  - {{source: {name}, name: image-{name}, tags: [a]}}\n" for name in names)
    path = manifest(tmp_path, f"defaults: {{clouds: [x, y]}}\nimages:\n{items}", *names)
    code = (
        "import re, sys, imgtool.cli.main as main\n"
        f"status = main.run(['batch', {str(path)!r}, '--dry-run'])\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())\n"
        "late = ('openstack', 'dissect', 'imgtool.pipeline', 'imgtool.glance', 'jinja2', 'magic')\n"
        "loaded = [name for name in late if name in sys.modules]\n"
        "print(status, int(peak[1]) >> 10, loaded)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *table, total, measured = run.stdout.splitlines()
    status, peak_mib, loaded = measured.split(maxsplit=2)
    assert (status, loaded, total) == ("0", "[]", "1000 images, 2000 uploads, 0 files, 0 problems")
    assert len(table) == 1002
    assert int(peak_mib) < 100


def test_only_some_of_them(tmp_path: Path) -> None:
    plan = planned(
        tmp_path, "images: ['*.raw', {source: z.qcow2, name: web}, no.raw]\n", "b.raw", "a.raw", "z.qcow2"
    )
    assert only(plan, ()) == plan
    assert [task.name for task in only(plan, ["[ab]"]).tasks] == ["a", "b"]
    assert [task.name for task in only(plan, ["web", "b.raw"]).tasks] == ["b", "web"]
    assert [task.name for task in only(plan, [f"{tmp_path}/z*"]).tasks] == ["web"]
    assert only(plan, ["a"]).problems == ()
    assert len(only(plan, ["no"]).problems) == 1


def test_a_pattern_that_fits_none_is_an_error(tmp_path: Path) -> None:
    plan = planned(tmp_path, "images: ['*.raw']\n", "golden.raw", "a.raw")
    with pytest.raises(UsageError, match=r"--only goldn: no image of .*images.yaml") as refused:
        only(plan, ["a", "goldn"])
    assert refused.value.hint == "did you mean golden?"


@pytest.mark.parametrize("key", ["name", "output"])
def test_a_placeholder_that_there_is_not_is_no_name(key: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"images.yaml:1: x-\{steam\}: there is no placeholder") as refused:
        planned(tmp_path, f"images: [{{source: a.raw, {key}: 'x-{{steam}}'}}]\n", "a.raw")
    assert refused.value.hint == "did you mean {stem}?"
