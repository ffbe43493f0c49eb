"""Ceph's daemons: a monitor and one OSD, for `--with ceph`; they die with the supervisor."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcloud.ceph_files import POOL, Cluster, write_cluster
from devcloud.errors import DevcloudError, tail
from devcloud.settings import Settings

PROGRAMS = ("ceph-mon", "ceph-osd", "monmaptool", "rbd", "setpriv")
PACKAGES = "ceph-mon, ceph-osd and ceph-common"
STEP_SECONDS = 60.0
SEED = Path(__file__).with_name("ceph_seed.py")

Daemon = subprocess.Popen[bytes]


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[list[Daemon]]:
    """A cluster with a pool that takes images; its daemons, which end with the context."""
    _require_programs()
    cluster = write_cluster(settings.ceph_folder)
    with contextlib.ExitStack() as daemons:
        monitor = _start_monitor(settings, cluster)
        daemons.callback(_stop, monitor)
        _seed(settings, cluster)
        osd = _start_osd(settings, cluster)
        daemons.callback(_stop, osd)
        # It writes an object: done once the OSD has joined.
        _step(settings, ["rbd", "--conf", str(cluster.conf), "pool", "init", POOL])
        yield [monitor, osd]


def _require_programs() -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise DevcloudError(
            f"{', '.join(missing)} not found, which --with ceph needs: install {PACKAGES} (scripts/setup "
            "--test does)"
        )


def _start_monitor(settings: Settings, cluster: Cluster) -> Daemon:
    map_file = str(cluster.folder / "monmap")
    address = f"[v2:127.0.0.1:{cluster.port}]"
    _step(
        settings, ["monmaptool", "--create", "--addv", "a", address, "--fsid", cluster.identifier, map_file]
    )
    where = ["--conf", str(cluster.conf), "--id", "a"]
    first = ["--mkfs", "--monmap", map_file, "--keyring", str(cluster.all_keys)]
    _step(settings, ["ceph-mon", *where, *first])
    return _spawn(settings, "ceph-mon", where)


def _seed(settings: Settings, cluster: Cluster) -> None:
    arguments = [cluster.modules, cluster.conf, cluster.osd_identifier, POOL]
    _step(settings, [str(settings.environment.python), "-I", str(SEED), *map(str, arguments)])


def _start_osd(settings: Settings, cluster: Cluster) -> Daemon:
    where = ["--conf", str(cluster.conf), "--id", "0"]
    _step(settings, ["ceph-osd", *where, "--mkfs", "--osd-uuid", cluster.osd_identifier])
    return _spawn(settings, "ceph-osd", where)


def _spawn(settings: Settings, program: str, where: list[str]) -> Daemon:
    """The kernel kills it when the supervisor has ended, however that ends: setpriv(1), prctl(2)."""
    command = ["setpriv", "--pdeathsig", "KILL", "--", program, "--foreground", *where]
    with settings.log(program).open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=settings.folder,
            env=environment(), process_group=0,
        )  # fmt: skip


def _stop(daemon: Daemon) -> None:
    """At once: what it would tidy up is removed with the folder."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait()


def _step(settings: Settings, command: list[str]) -> None:
    log = settings.log("ceph")
    try:
        with log.open("ab") as output:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=settings.folder,
                env=environment(), check=True, timeout=STEP_SECONDS,
            )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        logs = "".join(f"\n  {name}:{tail(settings.log(name))}" for name in ("ceph", "ceph-mon", "ceph-osd"))
        raise DevcloudError(f"Ceph did not start: {command[0]} failed: {error}{logs}") from error


def environment() -> dict[str, str]:
    """The caller's environment without what would lead to another cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CEPH_")}
