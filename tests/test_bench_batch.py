"""scripts/bench-batch: it counts all processor time, and says so where an image ended as it should not."""

import json
import subprocess
import sys
from pathlib import Path

from bench_batch.processor import of_children, of_tree
from bench_batch.run import _wrong
from support.sixty import Sixty

SCRIPT = Path(__file__).parents[1] / "scripts/bench-batch"
BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_the_time_of_children_that_ended_counts() -> None:
    before = of_children()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert of_children() - before >= 0.3


def test_the_time_of_a_running_tree_counts() -> None:
    burn = BURN + "print(1, flush=True)\ninput()"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tree:
        assert tree.stdout is not None
        assert tree.stdout.readline() == "1\n"
        assert of_tree(tree.pid) >= 0.25  # of 0.3, in ticks of 10 ms


def test_an_image_that_ended_otherwise_is_named() -> None:
    output = json.dumps({"images": [{"name": "r a", "state": "done"}, {"name": "r b", "state": "failed"}]})
    images = Sixty(Path(), {"a": "done", "b": "done", "c": "refused"})
    assert _wrong(output, images, "r") == ("b is failed, not done", "c is None, not refused")


def test_it_says_what_it_does() -> None:
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert "floor" in done.stdout


def test_a_wrong_number_of_jobs_is_a_usage_error() -> None:
    done = subprocess.run([SCRIPT, "--jobs", "1,0"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
