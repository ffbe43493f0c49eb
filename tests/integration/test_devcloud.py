"""scripts/devcloud itself: what it passes on, and that nothing of it stays behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cloud import SCRIPT, Devcloud, devcloud_command
from support.processes import processes_with_mounted

SHOW = "import os; print(os.environ['OS_CLIENT_CONFIG_FILE'], flush=True)"
WAIT = SHOW + "; import time; time.sleep(300)"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where clouds of this test are made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def processes_of(folder: Path) -> list[str]:
    """Command lines of what runs with something of `folder` in its arguments or as its directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            if str(folder) in command or (entry / "cwd").readlink().is_relative_to(folder):
                found.append(command)
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def begin(temporary: Path, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    """A `devcloud run` whose command waits; the cloud's folder."""
    command = devcloud_command("run", *arguments, "--", sys.executable, "-c", WAIT)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip()).parent


@pytest.mark.usefixtures("devcloud_running")
def test_run_passes_the_status_on_and_leaves_nothing(temporary: Path) -> None:
    program = SHOW + "; raise SystemExit(7)"
    command = devcloud_command("run", "--", sys.executable, "-c", program)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert done.returncode == 7
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("devcloud_running")
def test_two_at_once_do_not_meet(temporary: Path) -> None:
    first, second = begin(temporary), begin(temporary)
    assert first[1] != second[1]
    documents = [Devcloud(folder / "clouds.yaml").document["clouds"] for _, folder in (first, second)]
    assert documents[0]["devcloud"]["auth"] != documents[1]["devcloud"]["auth"]
    for process, _ in (first, second):
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("devcloud_running")
def test_a_killed_run_takes_its_cloud_with_it(temporary: Path) -> None:
    process, folder = begin(temporary)
    assert processes_of(folder)
    command = [
        int(child) for child in children_of(process.pid) if not processes_named(child, "devcloud.supervisor")
    ]
    process.kill()
    process.wait()
    for child in command:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: not folder.exists())
    wait_until(lambda: processes_of(folder) == [])


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def processes_named(pid: str, word: str) -> bool:
    return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.usefixtures("devcloud_running")
@pytest.mark.parametrize("options", [(), ("--with", "ceph"), ("--with", "nova")])
def test_a_killed_supervisor_takes_the_servers_with_it(temporary: Path, options: tuple[str, ...]) -> None:
    process, folder = begin(temporary, *options)
    assert any("ceph-osd" in command for command in processes_of(folder)) == ("ceph" in options)
    assert bool(processes_with_mounted(folder)) == ("nova" in options)
    os.kill(int((folder / "devcloud.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: processes_of(folder) == [])
    wait_until(lambda: processes_with_mounted(folder) == [])
    process.terminate()
    process.wait(60)
    assert not folder.exists()


@pytest.mark.usefixtures("devcloud_running")
def test_start_and_stop(temporary: Path) -> None:
    folder = temporary / "here"
    started = subprocess.run(
        devcloud_command("start", "--dir", folder, "--with", "metadata"),
        stdout=subprocess.PIPE, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert f"export OS_CLIENT_CONFIG_FILE={folder}/clouds.yaml" in started.stdout
    cloud = Devcloud(folder / "clouds.yaml")
    assert not any(secret in started.stdout for secret in cloud.secrets)
    assert not any(secret in line for secret in cloud.secrets for line in processes_of(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cloud.clouds_yaml.stat().st_mode) == 0o600
    again = subprocess.run(
        devcloud_command("start", "--dir", folder), capture_output=True, text=True, check=False, timeout=120
    )
    assert (again.returncode, f"a cloud runs in {folder} with metadata" in again.stderr) == (125, True)
    assert "start one of your own: devcloud start --dir" in again.stderr
    default = temporary / f"imgtool-devcloud-{os.getuid()}"
    folder.rename(default)
    again = subprocess.run(
        devcloud_command("start"), capture_output=True, text=True, check=False, timeout=120
    )
    assert (again.returncode, f"a cloud runs in {default}" in again.stderr) == (125, True)
    assert "export" not in again.stdout
    default.rename(folder)
    subprocess.run(devcloud_command("stop", "--dir", folder), check=True, timeout=60)
    assert not folder.exists()
    assert processes_of(folder) == []


@pytest.mark.usefixtures("devcloud_running")
def test_kept_for_a_look(temporary: Path) -> None:
    done = subprocess.run(
        devcloud_command("run", "--keep", "--", sys.executable, "-c", SHOW),
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    folder = Path(done.stdout.strip()).parent
    assert f"kept: {folder}" in done.stderr
    assert (folder / "log" / "glance.log").stat().st_size > 0
    assert processes_of(folder) == []


@pytest.mark.usefixtures("devcloud_running")
@pytest.mark.parametrize(("command", "status"), [("no-such-command", 127), ("/etc/hostname", 126)])
def test_a_command_that_cannot_be_run(temporary: Path, command: str, status: int) -> None:
    done = subprocess.run(
        devcloud_command("run", "--", command), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == status
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("part", "missing"),
    [("ceph", "ceph-mon, ceph-osd, monmaptool, rbd, setpriv"), ("nova", "mmdebstrap, setpriv, unshare")],
)
def test_what_a_part_needs_is_not_installed(
    part: str, missing: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(temporary))
    command = devcloud_command("start", "--with", part)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 125
    assert f"{missing} not found, which --with {part} needs" in done.stderr
    assert list(temporary.iterdir()) == []


def test_nothing_to_stop(temporary: Path) -> None:
    done = subprocess.run(devcloud_command("stop"), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "no cloud in" in done.stderr) == (125, True)


def test_a_folder_with_something_else_in_it_is_left_alone(temporary: Path) -> None:
    (temporary / "mine").write_text("precious")
    command = devcloud_command("start", "--dir", temporary)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, "is not empty" in done.stderr) == (125, True)
    assert (temporary / "mine").read_text() == "precious"


def test_a_cache_that_cannot_be_written(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = temporary / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    done = subprocess.run(devcloud_command("start"), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "set XDG_CACHE_HOME" in done.stderr) == (125, True)


def test_help_needs_no_cloud() -> None:
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "devcloud-member" in done.stdout
