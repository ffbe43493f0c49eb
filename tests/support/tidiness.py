"""A pytest plugin: nothing may be skipped in CI, and nothing may be left behind.

What was left behind is looked for only in a run by `scripts/test`, which gives the run a TMPDIR of its
own, marks all its processes by IMGTOOL_TEST_RUN, and says by IMGTOOL_TEST_OWNER which of them cleans up.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "IMGTOOL_TEST_RUN"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """A skipped test has shown nothing: where all needs are installed, that is a failure."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Runs after xdist's workers have ended."""
    run = _own_run()
    if run is None:
        return
    if left := [*files_left(Path(run)), *processes_left(run)]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        _report_error(session, "left behind:\n" + "\n".join(left))


def pytest_unconfigure() -> None:
    """The end of the run is the end of its TMPDIR; a file system that a test left mounted there is spared."""
    if run := _own_run():
        subprocess.run(["rm", "-rf", "--one-file-system", run], check=False)


def _own_run() -> str | None:
    """The TMPDIR of the run, if this is the process to clean it up: no worker, no pytest below a test."""
    return os.environ.get(MARK) if os.environ.get("IMGTOOL_TEST_OWNER") == str(os.getpid()) else None


def files_left(directory: Path) -> Iterator[str]:
    """Temporary files of imgtool."""
    yield from sorted(f"file {path}" for path in directory.glob("imgtool-*"))


def processes_left(run: str) -> Iterator[str]:
    """Processes that were started with this run's mark, apart from the one that asks and those above it."""
    mark = f"{MARK}={run}".encode()
    ours = set(_ancestors(os.getpid()))
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) not in ours and mark in _read(entry / "environ").split(b"\0"):
            command = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            yield f"process {entry.name}: {command}"


def _ancestors(pid: int) -> Iterator[int]:
    """`pid`, its parent, and so on: the fourth field of /proc/PID/stat, counted from the end of the name."""
    while pid:
        yield pid
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        pid = int(fields[1]) if fields else 0


def _read(path: Path) -> bytes:
    """Empty where the process has ended, or belongs to somebody else."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _report_error(session: pytest.Session, message: str) -> None:
    """Counted in pytest's closing line, and shown among the errors."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    location = ("scripts/test", None, "the whole run")
    report = pytest.TestReport("scripts/test", location, {}, "failed", message, "teardown")
    reporter.stats.setdefault("error", []).append(report)
