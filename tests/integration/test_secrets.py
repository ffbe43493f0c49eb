"""No password and no token, in whatever is shown or written, and in no list of processes."""

import logging
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import IMGTOOL
from support.cloud import Devcloud
from support.faults.model import Fault, Route
from support.faulty_cloud import CLOUD, FaultyCloud, converts, direct, faulty, told
from support.in_process import imgtool_here
from support.policies import lenient

from imgtool.glance import sending
from imgtool.report.registry import REPORTS

__all__ = ["converts", "direct", "faulty"]

WRONG = "hunter2-a-password-that-is-wrong"
IMAGES = {".raw", ".qcow2"}


@pytest.fixture
def folder(faulty: FaultyCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all is that imgtool may write: temporary files, reports, notes of uploads."""
    folder = tmp_path / "written"
    folder.mkdir()
    for name in ("TMPDIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.chdir(folder)
    return folder


class Watch:
    """Reads the command lines of all processes, and all files below `folder`, again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shown: set[bytes] = set()
        self.files: set[Path] = set()
        self.looks = 0

    def look(self) -> None:
        """Once."""
        for place in [*Path("/proc").glob("[0-9]*/cmdline"), *self._written()]:
            try:
                self.shown.add(place.read_bytes())
            except OSError:
                continue  # it ended, or was removed
        self.looks += 1

    def _written(self) -> list[Path]:
        # os.walk goes on where a folder went meanwhile; Path.rglob does not.
        paths = (Path(at, name) for at, _, names in os.walk(self._folder) for name in names)
        found = [path for path in paths if path.is_file() and path.suffix not in IMAGES]
        self.files |= set(found)
        return found

    @contextmanager
    def watching(self) -> Iterator[None]:
        """As often as it can while the block runs, and once more after it."""
        ended = threading.Event()

        def go_on() -> None:
            while not ended.is_set():
                self.look()

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.look()


def assert_not_shown(faulty: FaultyCloud, *shown: str | bytes, tokens: bool = True) -> None:
    """Neither a password nor a token that came by is in any of it, whole or its first half."""
    secrets = {*faulty.cloud.secrets, WRONG, *faulty.proxy.tokens}
    assert bool(faulty.proxy.tokens) == tokens
    assert all(len(secret) > 20 for secret in secrets)
    halves = [secret[: len(secret) // 2].encode() for secret in secrets]
    texts = [text.encode() if isinstance(text, str) else text for text in shown]
    assert any(texts)
    assert [text for text in texts if any(half in text for half in halves)] == []


def options(faulty: FaultyCloud) -> list[str | Path]:
    return [faulty.image, "--cloud", CLOUD, "--name", faulty.name, "--progress", "always"]


def report_options(folder: Path) -> list[str]:
    return [f"--report={kind}={folder / f'report.{kind}'}" for kind in REPORTS]


@pytest.fixture
def libraries(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What they log at their most talkative."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


COMMANDS = [(command, output) for command in ("upload", "prepare") for output in ("text", "json")]
FAULTS = [
    None,
    *(Fault(Route.DATA, "status", status=status, times=None) for status in (401, 413, 415, 500, 503)),
    *(Fault(route, "status", status=401, times=None) for route in (Route.LIST, Route.CREATE, Route.SHOW)),
    Fault(Route.DATA, "reset", at=0.5, times=None),
    Fault(Route.DATA, "flip", at=0.9),
    Fault(Route.ANY, "cut", at=0.5, times=None),
]


@pytest.mark.parametrize("command", COMMANDS, ids="-".join)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_in_nothing_that_is_shown_or_logged_or_written(
    fault: Fault | None,
    command: tuple[str, str],
    faulty: FaultyCloud,
    folder: Path,
    libraries: pytest.LogCaptureFixture,
) -> None:
    verb, output = command
    faulty.proxy.inject(*([fault] if fault is not None else []))
    more = ["--policy", lenient(folder), "-c", *report_options(folder)] if verb == "prepare" else []
    watch = Watch(folder)
    with watch.watching():
        run = imgtool_here(verb, *options(faulty), "--output", output, *more)
    faulty.proxy.settle()
    assert run.returncode in ({0} if fault is None else {5, 6}), told(run, faulty.proxy)
    assert "X-Auth-Token" in libraries.text  # its hash, by keystoneauth
    assert_not_shown(faulty, run.stdout, run.stderr, libraries.text, *watch.shown)
    if verb == "prepare" and fault is None:
        assert {path.suffix[1:] for path in watch.files} >= set(REPORTS)


@pytest.mark.parametrize("fault", [None, Fault(Route.DATA, "reset", at=0.5, times=None)], ids=str)
@pytest.mark.parametrize("verb", ["upload", "prepare", "doctor"])
def test_in_no_log(verb: str, fault: Fault | None, faulty: FaultyCloud, folder: Path) -> None:
    """At its most talkative, with a secret among the properties as well."""
    faulty.proxy.inject(*([fault] if fault is not None else []))
    arguments: list[str | Path] = ["--cloud", CLOUD]
    if verb != "doctor":
        arguments = [*options(faulty), "--property", f"admin_password={WRONG}"]
    if verb == "prepare":
        arguments += ["--policy", lenient(folder)]
    run = imgtool_here(verb, *arguments, "-vv", "--log-file", folder / "log")
    faulty.proxy.settle()
    assert run.returncode == (6 if fault and verb != "doctor" else 0), told(run, faulty.proxy)
    written = (folder / "log").read_text()
    for text in (run.stderr, written):
        assert re.search(
            r" DEBUG imgtool\.glance\.transport: POST http\S+/v3/auth/tokens: 201 (image=\S+ )?status=201 ",
            text,
        )
        assert_not_shown(faulty, text)
    if verb != "doctor":
        assert ("rollback after" in written) == (fault is not None)
        assert " imgtool.glance.conflicts: " in written
        assert "method=direct" in written


@pytest.mark.parametrize("command", [*COMMANDS, ("doctor", "text"), ("doctor", "json")], ids="-".join)
def test_in_no_complaint_about_a_wrong_password(
    command: tuple[str, str],
    faulty: FaultyCloud,
    folder: Path,
    libraries: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verb, output = command
    wrong = faulty.cloud.changed(folder / "wrong.raw", lambda cloud: cloud["auth"].update(password=WRONG))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(wrong.clouds_yaml))
    arguments = ["--cloud", CLOUD] if verb == "doctor" else options(faulty)
    watch = Watch(folder)
    with watch.watching():
        run = imgtool_here(verb, *arguments, "--output", output)
    assert run.returncode == 6, run.stdout + run.stderr
    assert "credentials" in run.stdout + run.stderr
    assert_not_shown(faulty, run.stdout, run.stderr, libraries.text, *watch.shown, tokens=False)


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "fault", [None, Fault(Route.LIST, "status", status=401, times=None)], ids=["well", "refused"]
)
def test_in_nothing_that_doctor_says(
    fault: Fault | None, output: str, faulty: FaultyCloud, folder: Path
) -> None:
    faulty.proxy.inject(*([fault] if fault is not None else []))
    run = imgtool_here("doctor", "--cloud", CLOUD, "--output", output)
    assert run.returncode == (0 if fault is None else 6), told(run, faulty.proxy)
    assert_not_shown(faulty, run.stdout, run.stderr)


@pytest.mark.parametrize("source", ["file", "variables"])
def test_in_no_list_of_processes_and_in_no_note_while_it_sends(
    source: str, faulty: FaultyCloud, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at in the middle of the bytes, in a process of its own."""
    faulty.proxy.inject(Fault(Route.DATA, "stall", at=0.5))
    named = options(faulty)
    if source == "variables":
        named = [faulty.image, "--name", faulty.name]
        as_variables(faulty.cloud, faulty.proxy.url, monkeypatch)
    watch = Watch(folder)
    with subprocess.Popen(
        [IMGTOOL, "upload", *named], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        try:
            with watch.watching():
                wait_for_bytes(faulty, process)
            faulty.proxy.release()
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert any(b"imgtool" in text and b"upload" in text for text in watch.shown)
    assert any(path.suffix == ".json" for path in watch.files)  # the note of this upload
    assert_not_shown(faulty, out, err, *watch.shown)


def as_variables(cloud: Devcloud, glance_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud by OS_* alone."""
    settings = cloud.document["clouds"][CLOUD]
    variables = {f"OS_{key.upper()}": value for key, value in settings["auth"].items()}
    variables |= {"OS_REGION_NAME": settings["region_name"], "OS_IDENTITY_API_VERSION": "3"}
    variables |= {"OS_IMAGE_ENDPOINT_OVERRIDE": glance_url, "OS_CLIENT_CONFIG_FILE": "/nowhere"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def wait_for_bytes(faulty: FaultyCloud, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not any(one.forwarded_bytes for one in faulty.proxy.of(Route.DATA)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no byte came"


def test_in_no_report_of_a_bug(faulty: FaultyCloud, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the middle of an upload: the file to attach has the traceback, and the cloud is left clean."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sending, "verify_arrival", broken)
    run = imgtool_here("upload", *options(faulty))
    faulty.proxy.settle()
    (report,) = folder.glob("imgtool-bug-*.txt")
    assert run.returncode == 70, told(run, faulty.proxy)
    assert "ZeroDivisionError" in report.read_text()
    assert_not_shown(faulty, run.stdout, run.stderr, report.read_bytes())
    assert faulty.ours() == []
