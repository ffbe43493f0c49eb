"""Names with anything in them just work: as source, as target, as typed, in every command and report."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.cli import IMGTOOL

from imgtool.checks.registry import all_checks
from imgtool.report.registry import REPORTS

NAMES = {
    "spaces": "a b  c.raw",
    "quotes": "q'\"`$(x).raw",
    "a newline": "new\nline.raw",
    "a leading dash": "-O.raw",
    "a colon": "nbd:unix:/x.raw".replace("/", "_"),
    "json": 'json:{"driver":"file"}.raw',
    "a terminal's commands": "\x1b[2J\x07\u202egnp.raw",
    "markup": "<img src=x>&amp;]]>.raw",
    "percent": "%s%n%2e%00.raw",
    "bytes that are not UTF-8": "\udcff\udcfe-\udce9.raw",
    "another language": "naïve 漢字.raw",
    "GitHub's commands": "::error::x,file=y.raw",
}
FORBIDDEN = "\x1b\x07\u202e"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path, "8M"], check=True)
    return path


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> str:
    """Of an image in the test's own folder, in which imgtool runs."""
    os.link(disk, tmp_path / NAMES[request.param])
    return NAMES[request.param]


def run(folder: Path, *words: str, statuses: tuple[int, ...] = (0,)) -> str:
    """What stands on stdout, in which nothing is for a terminal to obey, or no UTF-8."""
    argv = [IMGTOOL, *map(os.fsencode, words)]
    done = subprocess.run(argv, cwd=folder, capture_output=True, check=False, timeout=300)
    assert done.returncode in statuses, done.stderr
    for text in (done.stdout.decode(), done.stderr.decode()):
        assert not set(FORBIDDEN) & set(text)
        assert "Traceback" not in text
    return done.stdout.decode()


def strict(text: str) -> object:
    """JSON that any reader takes: no surrogate stands alone."""
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def test_inspect_and_check(name: str, tmp_path: Path) -> None:
    run(tmp_path, "inspect", "--", name)
    facts = strict(run(tmp_path, "inspect", "--output", "json", "--", name))
    assert facts["image"]["virtual_size_bytes"] == 8 << 20  # type: ignore[index]  # JSON
    wanted = [word for form in REPORTS for word in ("--report", f"{form}={form} of it")]
    strict(run(tmp_path, "check", "--output", "json", *wanted, "--", name, statuses=(1,)))
    reports = {form: (tmp_path / f"{form} of it").read_text() for form in REPORTS}
    assert not set(FORBIDDEN) & set("".join(reports.values()))
    for form in ("json", "sarif"):
        strict(reports[form])
    ET.fromstring(reports["junit"])  # noqa: S314 - our own
    assert "<img" not in reports["html"]
    lines = reports["github"].splitlines()
    assert all(line.startswith("::") for line in lines)
    assert len([line for line in lines if line.startswith("::error file=")]) >= 1


def test_convert_from_it_and_to_it(name: str, disk: Path, tmp_path: Path) -> None:
    target = f"{name}.qcow2"
    run(tmp_path, "convert", "--", name, target)
    strict(run(tmp_path, "convert", "--output", "json", "--force", "-c", "--", name, target))
    run(
        tmp_path,
        "convert",
        "-O",
        "raw",
        "--engine",
        "qemu-img",
        "--verify",
        "full",
        "--",
        target,
        f"{name}.out",
    )
    assert (tmp_path / f"{name}.out").read_bytes() == disk.read_bytes()
    assert sorted(os.listdir(tmp_path)) == sorted([name, target, f"{name}.out"])


@pytest.mark.parametrize("command", ["upload", "prepare"])
def test_a_plan_for_glance(command: str, name: str, tmp_path: Path) -> None:
    others = [check.name for check in all_checks() if check.name != "image-safe"]
    (tmp_path / "policy.yaml").write_text("checks:\n" + "".join(f"  {other}: 'off'\n" for other in others))
    more = ("--policy", "policy.yaml") if command == "prepare" else ()
    run(tmp_path, command, "--dry-run", *more, "--", name)
    plan = strict(run(tmp_path, command, "--dry-run", "--output", "json", *more, "--", name))
    if command == "prepare":
        plan = plan["upload"]  # type: ignore[index]  # JSON
    named = plan["name"]  # type: ignore[index]  # JSON
    assert named
    assert named.isprintable()


def test_a_reports_name_and_an_unknown_check(name: str, tmp_path: Path) -> None:
    run(tmp_path, "check", "--report", f"text=./{name}.txt", "--", name, statuses=(1,))
    assert (tmp_path / f"{name}.txt").exists()
    run(tmp_path, "explain", "--", name, statuses=(2,))
    error = strict(run(tmp_path, "explain", "--output", "json", "--", name, statuses=(2,)))
    assert error["error"]["code"] == "usage"  # type: ignore[index]  # JSON
    run(tmp_path, "inspect", "--", f"missing {name}", statuses=(3,))
    strict(run(tmp_path, "inspect", "--output", "json", "--", f"missing {name}", statuses=(3,)))


def test_a_manifest(name: str, tmp_path: Path) -> None:
    try:
        source = json.dumps(name, ensure_ascii=False).encode().decode()
    except UnicodeEncodeError:  # YAML is text: such a file is found by a pattern
        source = "'[!m]*.raw'"
    (tmp_path / "out").mkdir()
    text = f"defaults:\n  output: out/\n  policy: minimal\nimages:\n  - source: {source}\n"
    (tmp_path / "m.yaml").write_text(text)
    run(tmp_path, "batch", "m.yaml", "--dry-run")
    plan = strict(run(tmp_path, "batch", "m.yaml", "--dry-run", "--output", "json"))
    assert not plan["problems"]  # type: ignore[index]  # JSON
    strict(run(tmp_path, "batch", "m.yaml", "--output", "json", "--report", "json=r.json"))
    strict((tmp_path / "r.json").read_text())
    run(tmp_path, "batch", "--status", "m.yaml.journal", "--report", "html=r.html", "--report", "junit=r.xml")
    ET.fromstring((tmp_path / "r.xml").read_text())  # noqa: S314 - our own
    assert len(os.listdir(tmp_path / "out")) == 1


def test_a_file_that_is_named_like_a_stream(disk: Path, tmp_path: Path) -> None:
    os.link(disk, tmp_path / "-")
    run(tmp_path, "inspect", "./-")
    run(tmp_path, "convert", "./-", "out.qcow2")
    run(tmp_path, "convert", "-O", "raw", "--force", "out.qcow2", "./-")
    assert (tmp_path / "-").read_bytes() == disk.read_bytes()
