"""Whatever a sandbox does, imgtool ends in its time, with an answer of its type or a reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support import sandbox_jobs
from support.processes import children, is_shut, runs, wait_for
from support.sandbox_jobs import ENDS, Words

from imgtool import sandbox
from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats import headers
from imgtool.formats.cluster_map import ClusterMap
from imgtool.sandbox import SandboxFailedError, forked, handle
from imgtool.util import codec


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "image").write_bytes(b"0123456789abcdef")
    with (tmp_path / "image").open("rb") as file:
        yield file.fileno()


def test_it_answers(descriptor: int) -> None:
    content = b"0123456789abcdef".hex()
    for word in ("a", "\udcff", "\x00", "x" * codec.MAX_CHARACTERS):
        assert sandbox.ask(sandbox_jobs.ECHO, Words((word,)), descriptor) == Words((word, content))


def test_it_can_do_nothing_but_read_what_it_was_given(descriptor: int) -> None:
    assert sandbox.ask(sandbox_jobs.ATTEMPT, Words(tuple(sandbox_jobs.TRIES)), descriptor) == Words()


def test_it_finds_nothing(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "swordfish")
    sandbox.stop()
    found = sandbox.ask(sandbox_jobs.TELL, Words(), descriptor).words
    where = found.index("|")
    assert set(found[:where]) <= {"PATH", "LD_LIBRARY_PATH", "MAGIC"}
    assert found[where + 1 :] == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("how", ENDS)
def test_each_end_is_told(how: str, descriptor: int) -> None:
    job = sandbox_jobs.HURRY if "took longer" in ENDS[how][1] else sandbox_jobs.END
    with pytest.raises(SandboxFailedError, match=ENDS[how][1]) as caught:
        sandbox.ask(job, Words((how,)), descriptor)
    assert caught.value.exit_status == 3
    assert caught.value.message.startswith("the test cannot be read: its reader ")
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 3000
    assert isinstance(caught.value.__cause__, MemoryError) is (how == "4 GiB")
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


@pytest.mark.parametrize("what", sandbox_jobs.SPOILING)
def test_a_box_spoils_nothing_for_the_next(what: str, descriptor: int) -> None:
    sandbox.stop()
    before, here = sandbox.ask(sandbox_jobs.LOADED, Words(), descriptor).words, set(sys.modules)
    sandbox.ask(sandbox_jobs.SPOIL, Words((what,)), descriptor)
    assert handle.state.asked == {"imgtool.guest.fstab"}
    assert set(sys.modules) == here
    assert set(sandbox.ask(sandbox_jobs.LOADED, Words(), descriptor).words) == {
        *before,
        "imgtool.guest",
        "imgtool.guest.fstab",
    }


def test_the_server_shares_no_memory_and_no_file_with_a_box(descriptor: int) -> None:
    """A sandbox has what it was forked with: nothing of imgtool's may be shared."""
    of_other_tests = _shared_by(os.getpid())
    taken = ClusterMap(1 << 30, 16)
    sandbox.stop()
    sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor)
    assert taken.take(0)
    assert _shared_by(handle.state.server) <= of_other_tests
    wait_for(lambda: _open_in(handle.state.server) == ["/dev/null"] * 3 + ["socket"])


def _shared_by(pid: int) -> set[str]:
    """Addresses of memory that it can write to, and that others see."""
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {words[0] for words in maps if words[1] in {"rw-s", "-w-s"}}


def _open_in(pid: int) -> list[str]:
    """What kinds of files it has open; a control socket until it has closed that."""
    with suppress(FileNotFoundError):
        links = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
        return sorted(one.partition(":")[0] for one in links)
    return []


def test_what_is_in_memory_cannot_be_written_by_who_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def ask(_job: object, _asked: object, descriptor: int) -> None:
        tried.append(sandbox.ask(sandbox_jobs.ATTEMPT, Words(tuple(sandbox_jobs.TRIES)), descriptor))

    monkeypatch.setattr(headers, "ask", ask)
    headers.examine_bytes(bytes(1000))
    assert tried == [Words()]


def test_the_kernel_ends_a_box_before_all_else(descriptor: int) -> None:
    sandbox.start()
    asked = ThreadPoolExecutor(1).submit(sandbox.ask, sandbox_jobs.NAP, Words(), descriptor)
    wait_for(lambda: any(map(is_shut, children(handle.state.server))))
    assert asked.result().words


def test_what_a_job_says_of_its_image_is_said_outside(descriptor: int) -> None:
    with pytest.raises(UnsafeImageError, match="it is unsafe") as caught:
        sandbox.ask(sandbox_jobs.REFUSE, Words(("unsafe",)), descriptor)
    assert caught.value.hint == "drop it"
    with pytest.raises(ImageUnreadableError, match=r"it is \\x1bunreadable"):
        sandbox.ask(sandbox_jobs.REFUSE, Words(), descriptor)


def test_what_cannot_be_prepared_is_told(descriptor: int) -> None:
    with pytest.raises(SandboxFailedError, match="not today"):
        sandbox.ask(sandbox_jobs.UNPREPARED, Words(), descriptor)
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


@pytest.mark.parametrize(
    "job", [sandbox_jobs.UNPREPARED.name, "imgtool.sandbox:NO_JOB", "no.such.module:JOB"]
)
def test_what_could_not_be_prepared_early_is_told_to_who_asks_for_it(job: str, descriptor: int) -> None:
    sandbox.stop()
    sandbox.start(job)
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words
    with pytest.raises(SandboxFailedError, match="not today"):
        sandbox.ask(sandbox_jobs.UNPREPARED, Words(), descriptor)


def test_what_is_prepared_early_is_there_when_it_is_asked_for(descriptor: int) -> None:
    sandbox.stop()
    sandbox.start(headers.JOB.name)
    assert "magic" in sandbox.ask(sandbox_jobs.LOADED, Words(), descriptor).words


def test_a_server_that_is_gone_is_started_again(descriptor: int) -> None:
    sandbox.start()
    os.kill(handle.state.server, signal.SIGKILL)
    with pytest.raises(SandboxFailedError, match="what starts it has ended"):
        sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor)
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


def test_an_interruption_ends_the_box(descriptor: int) -> None:
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(KeyboardInterrupt):
        sandbox.ask(sandbox_jobs.END, Words(("sleep",)), descriptor)
    # On a busy machine it comes before the server has forked the box, and then the server goes as well.
    assert handle.state.channel is None or children(handle.state.server) == []
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


PROGRAM = """
import os, sys
from support import sandbox_jobs
from imgtool import sandbox
from imgtool.sandbox import handle
sandbox.start()
print(handle.state.server, flush=True)
sandbox.ask(sandbox_jobs.END, sandbox_jobs.Words(("sleep",)), 0)
"""


def test_all_end_when_imgtool_is_killed(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"x")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (tmp_path / "image").open("rb") as image, subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=image, stdout=subprocess.PIPE, env=environment
    ) as imgtool:  # fmt: skip
        assert imgtool.stdout is not None
        server = int(imgtool.stdout.readline())
        wait_for(lambda: len(children(server)) == 1)
        boxed = children(server)
        imgtool.kill()
        wait_for(lambda: not any(runs(one) for one in (server, *boxed)))


def test_threads_ask_one_after_the_other(descriptor: int) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(sandbox.ask, sandbox_jobs.ECHO, Words((str(one),)), descriptor)
            for one in range(20)
        ]
        assert [one.result().words[0] for one in asked] == [str(one) for one in range(20)]


@pytest.mark.parametrize("moment", ["before", "meanwhile", "at the end"])
def test_a_stopped_server_is_killed(moment: str, descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor)
    server = handle.state.server
    monkeypatch.setattr(forked, "SERVER_SECONDS", 0.2)
    monkeypatch.setattr(forked, "STATUS_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as threads:
        if moment == "before":
            os.kill(server, signal.SIGSTOP)
            with pytest.raises(SandboxFailedError, match="what starts it has ended"):
                sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor)
        elif moment == "meanwhile":
            asked = threads.submit(sandbox.ask, sandbox_jobs.NAP, Words(), descriptor)
            wait_for(lambda: any(map(is_shut, children(server))))
            os.kill(server, signal.SIGSTOP)
            assert asked.result().words, "the sandbox itself was not stopped"
        else:
            os.kill(server, signal.SIGSTOP)
            sandbox.stop()
    assert not Path(f"/proc/{server}").exists()
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


def test_a_stopped_box_is_killed_in_time(descriptor: int) -> None:
    sandbox.start()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(sandbox.ask, sandbox_jobs.SLOW, Words(("sleep",)), descriptor)
        wait_for(lambda: len(children(handle.state.server)) == 1)
        boxed = children(handle.state.server)[0]
        os.kill(boxed, signal.SIGSTOP)
        with pytest.raises(SandboxFailedError, match="took longer"):
            asked.result()
    assert not Path(f"/proc/{boxed}").exists()


def test_who_holds_a_box_does_not_keep_it_from_being_stopped(descriptor: int) -> None:
    sandbox.start()
    server = handle.state.server
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(sandbox.ask, sandbox_jobs.END, Words(("sleep",)), descriptor)
        wait_for(lambda: len(children(server)) == 1)
        boxed = children(server)[0]
        began = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - began < 2
        with pytest.raises(SandboxFailedError):
            asked.result()
    assert not runs(server)
    wait_for(lambda: not runs(boxed))


def test_stopping_leaves_nothing(descriptor: int) -> None:
    sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor)
    server = handle.state.server
    sandbox.stop()
    assert not Path(f"/proc/{server}").exists()
    sandbox.stop()


def test_a_fork_has_a_server_of_its_own(descriptor: int) -> None:
    sandbox.start()
    ours = handle.state.server
    pid = os.fork()
    if pid == 0:
        try:
            forgotten = handle.state.channel is None
            answered = sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words
            sandbox.stop()
        finally:
            os._exit(0 if forgotten and answered else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert handle.state.server == ours
    assert sandbox.ask(sandbox_jobs.ECHO, Words(), descriptor).words


def test_threads_ask_side_by_side(descriptor: int) -> None:
    sandbox.start()
    with ThreadPoolExecutor(4) as threads:
        slow = threads.submit(sandbox.ask, sandbox_jobs.SLOW, Words(("sleep",)), descriptor)
        wait_for(lambda: len(children(handle.state.server)) == 1)
        assert sandbox.ask(sandbox_jobs.ECHO, Words(("first",)), descriptor).words[0] == "first"
        assert not slow.done(), "who is slow keeps nobody waiting"
        words = [Words((str(number),)) for number in range(12)]
        answers = list(threads.map(lambda one: sandbox.ask(sandbox_jobs.ECHO, one, descriptor), words))
        assert [one.words[0] for one in answers] == [one.words[0] for one in words]
        with pytest.raises(SandboxFailedError, match="took longer"):
            slow.result()


def test_a_question_whose_server_had_to_go_for_another_is_asked_again(descriptor: int) -> None:
    sandbox.start()
    server = handle.state.server
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(sandbox.ask, sandbox_jobs.SLOW, Words(("sleep",)), descriptor)
        wait_for(lambda: len(children(server)) == 1)
        with handle.state.lock:
            handle.state.lost = server
            handle.drop(at_once=True)
        wait_for(lambda: handle.state.server != server and len(children(handle.state.server)) == 1)
        with pytest.raises(SandboxFailedError, match="took longer"):
            asked.result()
