"""scripts/cluster-demo: a batch over three workers, and nothing left of them."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_demo.batch import _journal
from support.clusters import family
from support.processes import half_written, processes_in

SCRIPT = Path(__file__).parents[1] / "scripts/cluster-demo"
MINUTE = 60.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose TMPDIR is the test's; nothing of imgtool's may be left there."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield {**os.environ, "TMPDIR": str(folder)}
    assert list(folder.glob("imgtool-*")) == []
    assert processes_in(folder) == []


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 2 * MINUTE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_says_what_it_does() -> None:
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert "which worker did which image" in done.stdout


def test_a_wrong_number_of_workers_is_a_usage_error() -> None:
    done = subprocess.run([SCRIPT, "--workers", "0"], capture_output=True, text=True, check=False)
    assert done.returncode == 2


def test_its_own_images_are_converted_and_it_says_by_whom(own: dict[str, str]) -> None:
    done = subprocess.run([SCRIPT], capture_output=True, text=True, env=own, check=False, timeout=3 * MINUTE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.partition("who did what:\n")[2].splitlines()
    found = [line.split() for line in lines]
    assert {(state, name) for _, state, name in found} >= {("done", "ext4-gpt"), ("done", "data-disk")}
    assert {worker for worker, _, _ in found} == {"worker-1", "worker-2", "worker-3"}


def test_an_interruption_ends_all_that_it_started(own: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "large.raw").write_bytes(os.urandom(64 << 20))
    defaults = {"clouds": [], "output": "out/", "compression": "zlib"}
    (tmp_path / "out").mkdir()
    manifest = tmp_path / "m.yaml"
    manifest.write_text(json.dumps({"defaults": defaults, "images": ["large.raw"]}))
    with subprocess.Popen(
        [SCRIPT, manifest, "--output", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own,
        start_new_session=True,
    ) as demo:
        wait_for(lambda: half_written(tmp_path / "out") or demo.poll() is not None)
        started = family(demo)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
        output, log = demo.communicate(timeout=2 * MINUTE)
    assert demo.returncode == 130, log
    assert "Traceback" not in log
    assert "interrupted" in output.partition("who did what:\n")[2]
    assert len(started) >= 6
    wait_for(
        lambda: not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    )  # the kernel takes a moment
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("more", [["--journal", "/j"], ["-p", "never", "--journal=/j"]])
def test_it_finds_the_journal(more: list[str]) -> None:
    assert _journal(Path("/m.yaml"), more) == Path("/j")
    assert _journal(Path("/m.yaml"), ["-p", "never"]) == Path("/m.yaml.journal")
