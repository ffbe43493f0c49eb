"""The virtual environment that Keystone and Glance run in, and their first databases: made once, then reused.

Kept outside the checkout, under a name that is the hash of everything it is made from. Two processes that
need it at once: the second waits for the first. One that was interrupted is made again from the start.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcloud.databases import PLACEHOLDER
from devcloud.errors import DevcloudError, tail
from devcloud.keys import key_settings, write_keys

REGION = "RegionOne"
SEED = Path(__file__).with_name("seed.py")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
COMPLETE = "complete"
"""Exists only in a folder that was made to its end."""


@dataclass(frozen=True)
class Environment:
    """What is cached."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter that sees Keystone and Glance."""
        return self.folder / "bin" / "python"

    @property
    def paste_file(self) -> Path:
        """Glance's pipelines, as its package installs them."""
        return self.folder / "etc" / "glance" / "glance-api-paste.ini"

    def database(self, service: str) -> Path:
        """The database of keystone or glance that every cloud starts from."""
        return self.folder / f"{service}.db"


def ready_environment(say: Callable[[str], None]) -> Environment:
    """The cached environment; made now if it is not there yet, which takes half a minute."""
    cache = cache_folder()
    environment = Environment(cache / f"devcloud-{_fingerprint()}")
    if (environment.folder / COMPLETE).exists():
        return environment
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with environment.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (environment.folder / COMPLETE).exists():
                say(f"installing Keystone and Glance into {environment.folder} (once, half a minute)")
                _make(environment)
    except OSError as error:
        advice = "set XDG_CACHE_HOME to a folder that is yours"
        raise DevcloudError(f"cannot write to the cache {cache}: {error.strerror}; {advice}") from error
    return environment


def cache_folder() -> Path:
    """Where all that is made once is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "imgtool"


def _fingerprint() -> str:
    parts = [path.read_bytes() for path in (REQUIREMENTS, SEED, Path(__file__))]
    python = (platform.python_version(), platform.machine(), os.path.realpath(sys.executable))
    parts += [os.fsencode(part) for part in python]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _make(environment: Environment) -> None:
    shutil.rmtree(environment.folder, ignore_errors=True)
    log = environment.folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    python = str(environment.python)
    step(log, [sys.executable, "-I", "-m", "venv", str(environment.folder)])
    # The list is complete and each module is compiled when first used: half the time of a plain install.
    install = ["install", "--no-input", "--no-deps", "--no-compile", "--requirement", str(REQUIREMENTS)]
    step(log, [python, "-I", "-m", "pip", *install])
    for service in ("keystone", "glance"):
        _make_database(environment, service, log)
    _seed(environment, log)
    (environment.folder / COMPLETE).touch()
    log.unlink()


def _make_database(environment: Environment, service: str, log: Path) -> None:
    configuration = _configuration(environment, service)
    configuration.write_text(f"[database]\nconnection = sqlite:///{environment.database(service)}\n")
    manage = str(environment.folder / "bin" / f"{service}-manage")
    step(log, [str(environment.python), "-I", manage, "--config-file", str(configuration), "db_sync"])


def _seed(environment: Environment, log: Path) -> None:
    """Keystone does not load without keys. These are used for nothing, and no cloud gets them."""
    configuration = _configuration(environment, "keystone")
    keys = environment.folder / "keys"
    write_keys(keys)
    with configuration.open("a") as file:
        file.write(key_settings(keys, keys))
    arguments = [str(configuration), PLACEHOLDER, REGION]
    step(log, [str(environment.python), "-I", str(SEED), *arguments])
    shutil.rmtree(keys)


def _configuration(environment: Environment, service: str) -> Path:
    return environment.folder / f"{service}.conf"


def step(log: Path, command: list[str]) -> None:
    """Runs `command`; raises DevcloudError with the end of the log where it fails."""
    with log.open("ab") as output:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if status.returncode != 0:
        raise DevcloudError(f"{' '.join(command)} failed; the end of {log}:{tail(log)}")
