"""What the figures were measured on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from bench import places


def describe(imgtool: Path, folder: Path) -> dict[str, str]:
    """Label -> value, for people and for the result file. Nothing in it names the machine or its user."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{places.memory_bytes('MemTotal') / (1 << 30):.0f} GiB",
        "system": _system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file system": places.file_system(folder),
        "imgtool": _version(str(imgtool)),
        "qemu-img": _version("qemu-img"),
        "nbdcopy": _version("nbdcopy"),
        "cp": _version("cp"),
    }


def load() -> str:
    """The average of the last minute: what else the machine had to do, and of it what we gave it."""
    return f"{os.getloadavg()[0]:.1f}"


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(program: str) -> str:
    """The first line that it prints about itself."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return "not installed"
    return (done.stdout.splitlines() or ["unknown"])[0]
