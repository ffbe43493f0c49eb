"""A Debian 12 on which nothing was installed: a folder that programs run in as if it were the machine."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SUITE = "bookworm"
AUTHORITIES = Path("etc/ssl/certs/ca-certificates.crt")
PASSED_ON = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""How this machine reaches the package index."""
USER = 1000
ENTER = """
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
cd "$1"
shift
pivot_root . mnt
umount --lazy /mnt
exec "$@"
"""
"""The tree becomes the root of the mounts, as a machine's own is: unshare and mmdebstrap ask for that. What
runs in it ends with its first process."""


def make(folder: Path) -> Path:
    """The tree, the smallest that there is but for certificates: this machine's index may need them."""
    tree = folder / "debian"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", SUITE, tree]
    subprocess.run([*command], check=True, capture_output=True)
    shutil.copy(Path("/") / AUTHORITIES, tree / AUTHORITIES)
    home = tree / "home/operator"
    home.mkdir()
    os.chown(home, USER, USER)
    return tree


def run(tree: Path, command: Sequence[str], *, user: int = 0, **variables: str) -> str:
    """What the command prints on stdout, in the tree, by root or by another user, where it ends well."""
    dropped = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    named = [f"{name}={value}" for name, value in {**_environment(user), **variables}.items()]
    entered = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", tree]
    given = [*entered, *dropped, "env", "-i", *named, *command]
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment(user: int) -> Mapping[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.upper().startswith(PASSED_ON)}
    home = "/home/operator" if user else "/root"
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    own = {"HOME": home, "PATH": f"{home}/.local/bin:{path}", "LANG": "C.UTF-8"}
    return {**passed, **own, "SSL_CERT_FILE": f"/{AUTHORITIES}"}  # uv would take those that it brings
