"""Whatever a box does, imgtool ends in its time, with an answer of its type or a reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import box_jobs
from support.box_jobs import ENDS, Words

from imgtool import box
from imgtool.box import BoxFailedError, run
from imgtool.errors import ImageUnreadableError, UnsafeImageError


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "image").write_bytes(b"0123456789abcdef")
    with (tmp_path / "image").open("rb") as file:
        yield file.fileno()


def test_it_answers(descriptor: int) -> None:
    content = b"0123456789abcdef".hex()
    for word in ("a", "\udcff", "\x00", "x" * 2_000_000):
        assert box.ask(box_jobs.ECHO, Words((word,)), descriptor) == Words((word, content))


def test_it_can_do_nothing_but_read_what_it_was_given(descriptor: int) -> None:
    assert box.ask(box_jobs.ATTEMPT, Words(tuple(box_jobs.TRIES)), descriptor) == Words()


def test_it_finds_nothing(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "swordfish")
    box.stop()
    found = box.ask(box_jobs.TELL, Words(), descriptor).words
    where = found.index("|")
    assert set(found[:where]) <= {"PATH", "LD_LIBRARY_PATH", "MAGIC"}
    assert found[where + 1 :] == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("how", ENDS)
def test_each_end_is_told(how: str, descriptor: int) -> None:
    job = box_jobs.HURRY if how == "sleep" else box_jobs.END
    with pytest.raises(BoxFailedError, match=ENDS[how][1]) as caught:
        box.ask(job, Words((how,)), descriptor)
    assert caught.value.exit_status == 3
    assert caught.value.message.startswith("the test cannot be read: its reader ")
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 3000
    assert isinstance(caught.value.__cause__, MemoryError) is (how == "4 GiB")
    assert box.ask(box_jobs.ECHO, Words(), descriptor).words


def test_what_a_job_says_of_its_image_is_said_outside(descriptor: int) -> None:
    with pytest.raises(UnsafeImageError, match="it is unsafe") as caught:
        box.ask(box_jobs.REFUSE, Words(("unsafe",)), descriptor)
    assert caught.value.hint == "drop it"
    with pytest.raises(ImageUnreadableError, match=r"it is \\x1bunreadable"):
        box.ask(box_jobs.REFUSE, Words(), descriptor)


def test_what_cannot_be_prepared_is_told(descriptor: int) -> None:
    with pytest.raises(BoxFailedError, match="not today"):
        box.ask(box_jobs.UNPREPARED, Words(), descriptor)
    assert box.ask(box_jobs.ECHO, Words(), descriptor).words


def test_a_server_that_is_gone_is_started_again(descriptor: int) -> None:
    box.start()
    os.kill(run._state.server, signal.SIGKILL)
    with pytest.raises(BoxFailedError, match="what starts it has ended"):
        box.ask(box_jobs.ECHO, Words(), descriptor)
    assert box.ask(box_jobs.ECHO, Words(), descriptor).words


def test_an_interruption_ends_the_box(descriptor: int) -> None:
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(KeyboardInterrupt):
        box.ask(box_jobs.END, Words(("sleep",)), descriptor)
    assert _children(run._state.server) == []
    assert box.ask(box_jobs.ECHO, Words(), descriptor).words


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


PROGRAM = """
import os, sys
from support import box_jobs
from imgtool import box
from imgtool.box import run
box.start()
print(run._state.server, flush=True)
box.ask(box_jobs.END, box_jobs.Words(("sleep",)), 0)
"""


def test_all_end_when_imgtool_is_killed(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"x")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (tmp_path / "image").open("rb") as image, subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=image, stdout=subprocess.PIPE, env=environment
    ) as imgtool:  # fmt: skip
        assert imgtool.stdout is not None
        server = int(imgtool.stdout.readline())
        _wait_for(lambda: len(_children(server)) == 1)
        boxed = _children(server)
        imgtool.kill()
        _wait_for(lambda: not any(_runs(one) for one in (server, *boxed)))


def test_threads_ask_one_after_the_other(descriptor: int) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(box.ask, box_jobs.ECHO, Words((str(one),)), descriptor) for one in range(20)]
        assert [one.result().words[0] for one in asked] == [str(one) for one in range(20)]


def test_stopping_leaves_nothing(descriptor: int) -> None:
    box.ask(box_jobs.ECHO, Words(), descriptor)
    server = run._state.server
    box.stop()
    assert not Path(f"/proc/{server}").exists()
    box.stop()


def test_a_fork_has_a_server_of_its_own(descriptor: int) -> None:
    box.start()
    ours = run._state.server
    pid = os.fork()
    if pid == 0:
        try:
            forgotten = run._state.channel is None
            answered = box.ask(box_jobs.ECHO, Words(), descriptor).words
            box.stop()
        finally:
            os._exit(0 if forgotten and answered else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert run._state.server == ours
    assert box.ask(box_jobs.ECHO, Words(), descriptor).words


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)
