"""The root that Nova runs in, its packages and first databases: made once, then shared by all clouds.

A root of its own: libvirt, QEMU and RabbitMQ of the machine are neither needed nor touched. Debian 13, since
libvirt 8.6 to 9.1 refuse what Nova 34 writes for a guest that starts by UEFI, and Debian 12 has 9.0.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcloud import nova_files
from devcloud.environment import COMPLETE, Environment, cache_folder, step
from devcloud.errors import DevcloudError

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "nova_requirements.txt"
SEED = HERE / "nova_seed.py"
SETUP = HERE.parents[1] / "setup"
PROGRAMS = ("mmdebstrap", "setpriv", "unshare")
SUITE = "trixie"
PYTHON = "3.13"
"""That of the suite."""
PACKAGES = (
    "python3",
    "python3-libvirt",
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "libvirt-daemon-driver-nodedev",
    "libvirt-daemon-driver-secret",
    "libvirt-daemon-log",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
    "ovmf",
    "seabios",
    "ipxe-qemu",
    "rabbitmq-server",
    "dnsmasq-base",
    "iproute2",
    "genisoimage",
    "dmidecode",
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
INSIDE = "/opt/devcloud"
"""Where the root has this folder."""


@dataclass(frozen=True)
class NovaEnvironment:
    """What is cached."""

    folder: Path

    @property
    def root(self) -> Path:
        """The file system; a process that runs in it writes to memory only."""
        return self.folder / "root"

    @property
    def packages(self) -> Path:
        """Nova, Placement, and what they need from PyPI."""
        return self.folder / "packages"

    @property
    def databases(self) -> Path:
        """Those that a cloud starts from."""
        return self.folder / "databases"

    @property
    def paste_file(self) -> Path:
        """Nova's pipelines, as its package installs them."""
        return self.packages / "etc" / "nova" / "api-paste.ini"

    def command(self, folder: Path, *command: str) -> list[str]:
        """Runs `command` in the root, in namespaces of its own, with `folder` at PLACE.

        Killing the first process in there ends all of them, mounts and network with them.
        """
        bound = ((self.packages, nova_files.PACKAGES), (HERE, INSIDE), (folder, nova_files.PLACE))
        return [
            "unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child", "--",
            sys.executable, "-I", "-B", str(HERE / "nova_enter.py"), str(self.root),
            *(f"{source}={target}" for source, target in bound), "--", *command,
        ]  # fmt: skip


def ready_nova(environment: Environment, say: Callable[[str], None]) -> NovaEnvironment:
    """The cached root; made now if it is not there yet, which takes some minutes."""
    _require_means(say)
    nova = NovaEnvironment(cache_folder() / f"nova-{_fingerprint()}")
    with nova.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (nova.folder / COMPLETE).exists():
            say(f"installing Nova, libvirt and RabbitMQ into {nova.folder} (once, two to four minutes)")
            _make(nova, environment)
    return nova


def _require_means(say: Callable[[str], None]) -> None:
    """What is missing is installed where apt-get is; mmdebstrap works with Debian alone."""
    if os.getuid() != 0:
        raise DevcloudError("--with nova needs root, for namespaces, mounts and taps: run it with sudo")
    if _missing() and shutil.which("apt-get"):
        say(f"installing what --with nova needs ({', '.join(_missing())}) by scripts/setup --image")
        subprocess.run([SETUP, "--image"], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if missing := _missing():
        raise DevcloudError(
            f"{', '.join(missing)} not found, which --with nova needs: scripts/setup --image installs them"
        )


def _missing() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


def _fingerprint() -> str:
    parts = [path.read_bytes() for path in (REQUIREMENTS, SEED)]
    parts.append(repr((SUITE, PYTHON, PACKAGES, nova_files.STATIC)).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _make(nova: NovaEnvironment, environment: Environment) -> None:
    """Debian's packages and PyPI's at the same time: one waits for the network while the other unpacks."""
    shutil.rmtree(nova.folder, ignore_errors=True)
    nova.folder.mkdir()
    log, other = (nova.folder.with_suffix(suffix) for suffix in (".log", ".pip.log"))
    log.unlink(missing_ok=True)
    with other.open("wb") as output:
        pip = subprocess.Popen(
            _pip_command(nova, environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            step(log, _mmdebstrap_command(nova))
        except BaseException:
            pip.kill()
            raise
        finally:
            status = pip.wait()
    if status:
        raise DevcloudError(f"pip failed; see the end of {other}")
    _make_databases(nova, log)
    (nova.folder / COMPLETE).touch()
    for file in (log, other):
        file.unlink()


def _mmdebstrap_command(nova: NovaEnvironment) -> list[str]:
    """Its services are not started: mmdebstrap denies it (policy-rc.d)."""
    return [
        "mmdebstrap", "--quiet", "--variant=minbase", "--format=directory",
        f"--include={','.join(PACKAGES)}",
        '--aptopt=Acquire::Languages "none"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        SUITE, str(nova.root),
    ]  # fmt: skip


def _pip_command(nova: NovaEnvironment, environment: Environment) -> list[str]:
    """By the host's pip, as it is set up there, for the Python of the root."""
    where = ["--python-version", PYTHON, "--target", str(nova.packages)]
    return [
        str(environment.python), "-I", "-m", "pip", "install", "--no-input", "--no-deps", "--no-compile",
        *where, "--requirement", str(REQUIREMENTS),
    ]  # fmt: skip


def _make_databases(nova: NovaEnvironment, log: Path) -> None:
    """In the root, by Nova's own programs. What they load is compiled on the way, for the services too."""
    (nova.root.parent / "mount").mkdir()
    nova.databases.mkdir()
    nova_files.write_static(nova.root)
    nova_files.write_first(nova.databases)
    seed = [f"{INSIDE}/{SEED.name}", nova_files.PLACE, nova_files.HOST]
    step(log, nova.command(nova.databases, "/usr/bin/python3", "-I", *seed))
