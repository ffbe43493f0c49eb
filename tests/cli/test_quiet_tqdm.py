import subprocess
import sys

PROGRAM = """
import os, sys, threading
from imgtool.cli import quiet_tqdm
with quiet_tqdm.load()(total=10, file=sys.stderr) as bar:
    bar.update(5)
    with quiet_tqdm.load().external_write_mode(sys.stderr):
        pass
children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
print(threading.active_count(), children)
"""


def test_a_bar_starts_neither_a_thread_nor_a_process() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "1 []\n"
    assert "5/10" in run.stderr
