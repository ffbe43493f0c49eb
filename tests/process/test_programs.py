import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.process import programs
from imgtool.process.programs import Limits, run


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not _is_running(pid):
            return True
        time.sleep(0.01)
    return False


def test_output_and_status_come_back():
    completed = run(_python("import sys; print('out'); sys.stderr.write('err')"), timeout_seconds=20)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, b"out\n", b"err")
    assert completed.argv[0] == sys.executable


def test_stdin_is_empty_and_the_locale_is_c():
    completed = run(
        _python("import os, sys; print(sys.stdin.read(), os.environ['LC_ALL'])"), timeout_seconds=20
    )
    assert completed.stdout == b" C\n"


def test_arguments_are_never_parsed_by_a_shell(tmp_path):
    argument = "$(touch /pwned) ; `x` 'y' \n %s \udcff"
    completed = run(
        [*_python("import os, sys; sys.stdout.buffer.write(os.fsencode(sys.argv[1]))"), argument],
        timeout_seconds=20,
    )
    assert completed.stdout == os.fsencode(argument)


def test_an_unaccepted_status_tells_the_last_line_of_stderr_made_printable():
    code = "import sys; sys.stderr.write('first\\nreason \\x1b[31m here\\n\\n'); sys.exit(3)"
    with pytest.raises(ToolFailedError, match=r"failed with status 3: reason \\x1b\[31m here"):
        run(_python(code), timeout_seconds=20)
    assert run(_python(code), timeout_seconds=20, accept=(0, 3)).returncode == 3


def test_a_missing_program_says_what_for_and_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="qemu-img is not installed; it is needed to read") as caught:
        run(["qemu-img", "--version"], timeout_seconds=1)
    assert caught.value.hint == "apt install qemu-utils"
    assert caught.value.exit_status == 4


def test_the_deadline_kills_the_whole_group(tmp_path):
    pids = tmp_path / "pids"
    code = f"""
        import os, subprocess, time
        child = subprocess.Popen(["sleep", "60"])
        open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(60)
    """
    started = time.monotonic()
    with pytest.raises(ToolFailedError, match="did not end within 1 seconds"):
        run(_python(code), timeout_seconds=1)
    assert time.monotonic() - started < 10
    assert all(_wait_until_gone(int(pid)) for pid in pids.read_text().split())


def test_a_grandchild_that_holds_the_output_open_does_not_outlive_the_deadline(tmp_path):
    with pytest.raises(ToolFailedError, match="did not end"):
        run(["sh", "-c", "sleep 60 & echo $! >&2"], timeout_seconds=0.5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_whatever_is_raised_while_it_runs_kills_it(error):
    seen = []

    def stop(text: str) -> None:
        seen.append(int(text))
        raise error

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(error):
        run(_python(code), timeout_seconds=30, on_output=stop)
    assert _wait_until_gone(seen[0])


def test_the_child_dies_with_us():
    parent = textwrap.dedent(f"""
        from imgtool.process.programs import run
        child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
        run([{sys.executable!r}, "-c", child], timeout_seconds=60, on_output=lambda p: print(p, flush=True))
    """)
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as imgtool:
        pid = int(imgtool.stdout.readline())
        assert _is_running(pid)
        imgtool.send_signal(signal.SIGKILL)
    assert _wait_until_gone(pid)


def test_progress_comes_while_it_runs_split_at_both_line_ends():
    code = (
        "import sys; sys.stdout.write('a (1%)\\rb (2%)\\r\\nc'); sys.stdout.flush(); sys.stderr.write('d\\n')"
    )
    pieces = []
    run(_python(code), timeout_seconds=20, on_output=pieces.append)
    assert sorted(pieces) == ["a (1%)", "b (2%)", "c", "d"]


def test_limits_hold():
    with pytest.raises(ToolFailedError, match="used more than 1 seconds of CPU time"):
        run(_python("while True: pass"), timeout_seconds=30, limits=Limits(cpu_seconds=1))
    with pytest.raises(ToolFailedError, match="MemoryError"):
        run(_python("bytearray(1 << 30)"), timeout_seconds=30, limits=Limits(address_space_bytes=512 << 20))


def test_endless_output_is_an_error_and_endless_stderr_keeps_its_end(monkeypatch):
    monkeypatch.setattr(programs, "MAX_STDOUT_BYTES", 1 << 20)
    with pytest.raises(ToolFailedError, match="wrote more than"):
        run(["yes"], timeout_seconds=30)
    completed = run(_python("import sys; sys.stderr.write('x' * 10**6 + 'end')"), timeout_seconds=20)
    assert len(completed.stderr) == programs.KEPT_STDERR_BYTES
    assert completed.stderr.endswith(b"xend")


def test_a_program_in_the_background_is_gone_with_its_children_when_the_block_ends(tmp_path):
    pids = tmp_path / "pids"
    code = f"""
        import os, pathlib, subprocess, time
        child = subprocess.Popen(["sleep", "60"])
        pathlib.Path({str(pids)!r} + ".new").write_text(f"{{os.getpid()}} {{child.pid}}")
        os.rename({str(pids)!r} + ".new", {str(pids)!r})
        time.sleep(60)
    """
    with programs.background(_python(code)) as child:
        while not pids.exists():
            assert child.poll() is None
            time.sleep(0.01)
    assert all(_wait_until_gone(int(pid)) for pid in pids.read_text().split())


def test_a_program_in_the_background_gets_the_descriptors_that_it_is_given_and_no_others():
    reader, writer = os.pipe()
    other = os.open(os.devnull, os.O_RDONLY)
    code = f"""
        import os
        os.write({writer}, b"here")
        try:
            os.fstat({other})
        except OSError:
            os.write({writer}, b" alone")
    """
    with programs.background(_python(code), inherited=[writer]) as child:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            assert pipe.read() == b"here alone"
        assert child.wait(60) == 0
    os.close(other)


def test_writing_too_large_a_file_fails_and_does_not_end_the_program(tmp_path):
    target = tmp_path / "large"
    code = f"""
        import errno, sys
        with open({str(target)!r}, "wb", buffering=0) as file:
            file.write(bytes(4096))
            try:
                file.write(bytes(1))
            except OSError as error:
                sys.exit(5 if error.errno == errno.EFBIG else 6)
    """
    with programs.background(_python(code), limits=Limits(file_size_bytes=4096, core_bytes=0)) as child:
        assert child.wait(60) == 5
    assert target.stat().st_size == 4096
