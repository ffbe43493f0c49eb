"""Starts and ends a cloud from outside: each runs under a supervisor, a process of its own."""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from devcloud.environment import Environment
from devcloud.errors import DevcloudError
from devcloud.parts import STORES
from devcloud.supervisor import PARTS_FILE, PID_FILE, READY

STOP_SECONDS = 30.0
POLL_SECONDS = 0.05
PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


_SUPERVISE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from devcloud.supervisor import main; sys.exit(main())"
)


def default_folder() -> Path:
    """Where `start` puts a cloud, and `stop` finds it, if no other folder is named."""
    return Path(tempfile.gettempdir()) / f"imgtool-devcloud-{os.getuid()}"


def prepare_folder(folder: Path) -> None:
    """Makes `folder`, mode 0700. What a cloud that was killed has left there is removed first."""
    if (folder / PID_FILE).exists():
        if is_running(folder):
            raise DevcloudError(
                f"a cloud runs in {folder}{_parts_of(folder)}, which another start made; end it with: "
                f"devcloud stop --dir {folder}, or start one of your own: devcloud start --dir NEW_FOLDER"
            )
        remove_remains(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DevcloudError(f"cannot make the folder {folder}: {error.strerror}") from error
    _require_own(folder)
    if any(folder.iterdir()):
        raise DevcloudError(f"{folder} is not empty; name a new folder with --dir")
    folder.chmod(0o700)


def _parts_of(folder: Path) -> str:
    """What the cloud there was started with."""
    try:
        parts = (folder / PARTS_FILE).read_text()
    except FileNotFoundError:
        return ""
    return f" with {parts}" if parts else ""


def start(  # noqa: PLR0913 - what the command line says, named one by one
    folder: Path,
    environment: Environment,
    *,
    image_size_cap: int,
    limits: bool = False,
    parts: Iterable[str] = (),
    nova: Path | None = None,
    default_store: str = STORES[0],
    owner: int | None = None,
    keep: bool = False,
) -> None:
    """Starts a cloud in the empty `folder`; returns once it answers. It ends when process `owner` does."""
    command = [
        sys.executable, "-I", "-B", "-c",
        _SUPERVISE, str(PACKAGE_FOLDER), "--folder", str(folder), "--environment", str(environment.folder),
        "--image-size-cap", str(image_size_cap),
        *(["--owner", str(owner)] if owner is not None else []),
        *(["--keep"] if keep else []),
        *(["--limits"] if limits else []),
        "--with", ",".join(sorted(parts)),
        "--default-store", default_store,
        *(["--nova", str(nova)] if nova is not None else []),
    ]  # fmt: skip
    supervisor = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        words = _read_to_end(supervisor)
    except BaseException:
        supervisor.terminate()
        supervisor.wait(STOP_SECONDS)
        raise
    if words.strip() != READY:
        supervisor.wait(STOP_SECONDS)
        raise DevcloudError(f"the cloud did not start: {words.strip() or 'its supervisor ended at once'}")


def _read_to_end(supervisor: subprocess.Popen[str]) -> str:
    """What the supervisor tells before it closes its output; it lives on, so this is no communicate()."""
    return supervisor.stdout.read() if supervisor.stdout is not None else ""


def stop(folder: Path) -> bool:
    """Ends the cloud in `folder`; False if there is none. Returns once all of it has ended."""
    try:
        file = (folder / PID_FILE).open()
    except FileNotFoundError:
        return False
    _require_own(folder)
    with file:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _is_held(file):
                break
            _signal(file, number)
            _wait_until_free(file)
    return True


def remove_remains(folder: Path) -> None:
    """Removes what a cloud that was killed, or kept on purpose, has left in `folder`."""
    if (folder / PID_FILE).exists():
        _require_own(folder)
        shutil.rmtree(folder)


def is_running(folder: Path) -> bool:
    """Whether a supervisor holds the folder's PID file."""
    try:
        with (folder / PID_FILE).open() as file:
            return _is_held(file)
    except FileNotFoundError:
        return False


def _is_held(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _wait_until_free(file: TextIO) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while _is_held(file) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _signal(file: TextIO, number: int) -> None:
    file.seek(0)
    # Suppressed: it has ended meanwhile, or has not written its number yet.
    with contextlib.suppress(ProcessLookupError, ValueError):
        os.kill(int(file.read()), number)


def _require_own(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise DevcloudError(f"{folder} is not a folder of yours; name another one with --dir")
