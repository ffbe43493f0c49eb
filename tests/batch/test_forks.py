"""Real children of a real fork server, watched: how they end, and that nothing of them stays."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgtool.batch import forks
from imgtool.batch.forks import Forks, Request
from imgtool.batch.monitor import Ending, Event, StopLevel, watch
from imgtool.util.text import last_line

SERVER = """
import os, socket, sys
from imgtool.batch import fork_child

def run():
    with os.fdopen(os.dup(0)) as stream:
        code = stream.read()
    exec(code, {"os": os, "sys": sys})
    return 0

fork_child.serve(socket.socket(fileno=0), run)
"""
"""Its children run the Python code of their stdin."""

LIMIT = 2 << 30


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forks]:
    (tmp_path / "code_runner.py").write_text(SERVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(forks, "PROGRAM", "code_runner")
    server = Forks()
    yield server
    server.close()


def request(code: str, **more: object) -> Request:
    return Request(textwrap.dedent(code).encode(), LIMIT, {}, **more)  # type: ignore[arg-type]  # by name, as the test says


def run(
    children: Forks,
    code: str,
    *,
    deadline_seconds: float = 60,
    stop_seconds: float = 0.3,
    stop_level: Callable[[], StopLevel] = lambda: "run",
) -> tuple[Ending, list[Event]]:
    events: list[Event] = []
    child = children.start(request(code))
    try:
        ending = watch(
            child,
            deadline_seconds=deadline_seconds,
            stop_seconds=stop_seconds,
            stop_level=lambda: stop_level() if events else "run",
            on_event=events.append,
        )
    finally:
        child.close()
    return ending, events


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


TELL = """
import json, signal, subprocess, time
def tell(**message):
    os.write(1, json.dumps(message).encode() + b"\\n")
"""
FOREVER = f"{TELL}\ntell(pid=os.getpid())\ntime.sleep(600)"
DEAF = f"{TELL}\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntell(pid=os.getpid())\ntime.sleep(600)"


def test_what_it_tells_and_how_it_ends(children: Forks) -> None:
    ending, events = run(
        children, f"{TELL}\ntell(a=1)\nos.write(1, b'no json\\n[1]\\n')\ntell(b='x' * 200000)"
    )
    assert events == [{"a": 1}, {"b": "x" * 200_000}]
    assert (ending.status, ending.why) == (0, None)


def test_each_child_is_a_process_with_a_session_of_its_own(children: Forks) -> None:
    code = f"{TELL}\ntell(pid=os.getpid(), session=os.getsid(0), parent=os.getppid())"
    first, second = (run(children, code)[1][0] for _ in range(2))
    assert first["pid"] == first["session"] != second["pid"] == second["session"]
    assert first["parent"] == second["parent"] != os.getpid()


def test_it_has_its_limits_its_environment_and_no_descriptor_of_others(children: Forks) -> None:
    code = f"""{TELL}
import resource, tempfile
tell(
    memory=resource.getrlimit(resource.RLIMIT_AS), core=resource.getrlimit(resource.RLIMIT_CORE),
    folder=tempfile.gettempdir(), open=sorted(map(int, os.listdir("/proc/self/fd"))),
    score=open("/proc/self/oom_score_adj").read().strip(),
)"""
    folder = str(Path.cwd())
    events: list[Event] = []
    with Path(os.devnull).open() as kept:
        asked = Request(code.encode(), LIMIT, {"TMPDIR": folder}, [kept.fileno()])
        child = children.start(asked)
        watch(child, deadline_seconds=60, stop_seconds=1, stop_level=lambda: "run", on_event=events.append)
        child.close()
    (told,) = events
    assert told["memory"] == [LIMIT, LIMIT]
    assert told["core"] == [0, 0]
    assert told["folder"] == folder
    assert told["score"] == "500"
    assert len(told["open"]) == 5  # three streams, what is kept, and the folder that is listed


def test_its_memory_ends_at_the_limit_and_nobody_else_s(children: Forks) -> None:
    ending, _ = run(children, "x = bytearray(3 << 30)")
    assert ending.status == 70
    assert last_line(ending.stderr) == "MemoryError"
    assert run(children, "pass")[0].status == 0


@pytest.mark.parametrize(("number", "status"), [("SIGKILL", -9), ("SIGSEGV", -11)])
def test_one_that_is_killed_is_told_and_the_next_one_runs(children: Forks, number: str, status: int) -> None:
    ending, _ = run(children, f"import signal; os.kill(os.getpid(), signal.{number})")
    assert (ending.status, ending.why) == (status, None)
    assert run(children, "pass")[0].status == 0


@pytest.mark.parametrize("code", [FOREVER, DEAF], ids=["asleep", "deaf"])
def test_the_deadline_ends_it(children: Forks, code: str) -> None:
    run(children, "pass")  # the server is there: what follows has the whole time
    ending, events = run(children, code, deadline_seconds=0.5)
    assert ending.why == "deadline"
    assert ending.status == (-9 if code is DEAF else -15)
    assert not is_running(events[0]["pid"])


def test_one_that_does_not_react_to_anything_is_killed(children: Forks) -> None:
    code = f"{TELL}\ntell(pid=os.getpid())\nos.kill(os.getpid(), signal.SIGSTOP)"
    run(children, "pass")  # as above
    ending, _ = run(children, code, deadline_seconds=0.5)
    assert (ending.why, ending.status) == ("deadline", -9)


def test_who_is_to_stop_may_clean_up(children: Forks) -> None:
    code = f"""{TELL}
def clean(*_):
    tell(clean=True)
    os._exit(5)
signal.signal(signal.SIGTERM, clean)
tell(ready=True)
time.sleep(600)"""
    ending, events = run(children, code, stop_seconds=60, stop_level=lambda: "stop")
    assert events == [{"ready": True}, {"clean": True}]
    assert (ending.why, ending.status) == ("stopped", 5)


def test_kill_is_at_once(children: Forks) -> None:
    ending, _ = run(children, DEAF, stop_seconds=600, stop_level=lambda: "kill")
    assert (ending.why, ending.status) == ("stopped", -9)


def test_its_whole_group_ends_with_it(children: Forks) -> None:
    code = f"{TELL}\nother = subprocess.Popen(['sleep', '600'])\ntell(pid=other.pid)"
    ending, events = run(children, code)
    assert ending.status == 0
    assert wait_until_gone(events[0]["pid"])


def test_a_child_whose_watcher_goes_away_is_killed(children: Forks) -> None:
    child = children.start(request(FOREVER))
    told = b""
    while not told.endswith(b"\n"):
        told += os.read(child.stdout, 100)
    pid = int(told.split()[1].rstrip(b"}\n"))
    assert is_running(pid)
    child.close()
    assert wait_until_gone(pid)


def test_a_server_that_was_killed_is_started_anew(children: Forks) -> None:
    code = f"{TELL}\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)"
    ending, _ = run(children, code)
    assert ending.status is None
    assert run(children, "pass")[0].status == 0


def test_all_end_with_the_process_that_wants_them(children: Forks, tmp_path: Path) -> None:
    parent = f"""
import os, signal, sys
from imgtool.batch import forks
forks.PROGRAM = "code_runner"
child = forks.Forks().start(forks.Request({FOREVER!r}.encode(), {LIMIT}, {{}}))
os.write(1, os.read(child.stdout, 100))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, check=False, timeout=60)
    pid = int(done.stdout.split()[1].rstrip(b"}\n"))
    assert wait_until_gone(pid)


def test_close_ends_the_server_and_what_runs(children: Forks) -> None:
    child = children.start(request(FOREVER))
    told = b""
    while not told.endswith(b"\n"):
        told += os.read(child.stdout, 100)
    children.close()
    assert wait_until_gone(int(told.split()[1].rstrip(b"}\n")))
    child.close()


def test_what_a_server_said_before_it_ended_is_kept(children: Forks, tmp_path: Path) -> None:
    """A broken installation, say: the operator is to read the last line of the traceback."""
    (tmp_path / "code_runner.py").write_text("raise ImportError('no module named click')")
    ending, events = run(children, "")
    assert (ending.status, events) == (None, [])
    assert children.last_words() == "ImportError: no module named click"
