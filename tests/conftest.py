"""The plugins that the tests share, and what a run begins with."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "support.cloud", "support.clusters", "support.debian", "support.small_servers", "support.tidiness",
    "support.web",
]  # fmt: skip


# How long an example takes says how busy the machine is: no test of a format fails by that.
settings.register_profile("imgtool", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("imgtool")


NO_UNITS = ("integration", "hostile", "fuzz", "contract")
"""The folders of what starts clouds, guests, attackers and long series."""
NO_UNIT_FILES = ("test_bench_delivery.py", "test_cluster_demo.py", "test_scripts.py")
RUNS_THE_PROGRAM = "from support.cli import"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--units", action="store_true", help="units, lint and types alone: no run of imgtool")
    parser.addoption("--whole-series", action="store_true", help="all rows of the tests marked `series`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep of a test marked `series(n)` one row in n, the same ones in each run; none of `series(0)`."""
    if config.option.whole_series:
        return
    left_out = [item for rows in _series(items).values() for item in rows if not item.stash[KEPT]]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.stash.get(KEPT, True)]


KEPT = pytest.StashKey[bool]()


def _series(items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    """The rows of each marked test. Every value of a table with two columns is in some row that is kept."""
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        mark = item.get_closest_marker("series")
        if mark is not None:
            (each,) = mark.args
            rows = found.setdefault(item.nodeid.partition("[")[0], [])
            item.stash[KEPT] = each > 0 and (len(rows) + len(rows) // each) % each == 0
            rows.append(item)
    return found


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out, with --units, what is more than a unit: whole runs of the program are half of the time."""
    if not config.option.units:
        return None
    if collection_path.is_dir():
        return True if collection_path.name in NO_UNITS else None
    is_more = collection_path.name in NO_UNIT_FILES or RUNS_THE_PROGRAM in collection_path.read_text()
    return True if is_more and collection_path.name.startswith("test_") else None


def pytest_configure() -> None:
    """Make every run the same, whoever starts it.

    That one may have a configuration file; and what is started behind a script ignores ^C, and so would all
    that the tests start, and send ^C to.
    """
    os.environ["IMGTOOL_CONFIG"] = os.devnull
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGQUIT, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
