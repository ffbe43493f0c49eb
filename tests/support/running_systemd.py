"""A systemd that runs, as the first process of a namespace of its own, over a copy of this system's files.

It starts the services that it is given, and says of each one how it went. Nothing of this system is changed:
its files are the lower layer of an overlay in memory, its processes and its network are not there.
"""

import subprocess
import time
from collections.abc import Collection, Mapping
from pathlib import Path

SYSTEMD = Path("/usr/lib/systemd/systemd")
SECONDS = 60
"""Until all services have ended; it takes two on a machine that is quiet."""
ENTER = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
rm -rf etc/systemd/system && mkdir etc/systemd/system
mount -t proc proc proc
if test -e /sys/fs/cgroup/cgroup.controllers; then
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount -t sysfs sysfs sys
    mount -t tmpfs tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mkdir run/judge
mount --bind "$1" run/judge
cp run/judge/units/* etc/systemd/system/
exec chroot . env -i container=other PATH=/usr/sbin:/usr/bin \
    /usr/lib/systemd/systemd --system --unit=judged.target --log-target=null --show-status=0
"""
TELL = """#!/bin/sh
for unit in {units}; do
    echo $unit $(systemctl show -p Result -p LoadState -p ActiveState --value $unit)
done > /run/judge/told.part
mv /run/judge/told.part /run/judge/told
"""


def results(
    services: Mapping[str, str | bytes], folder: Path, *, wanted: Collection[str] = (), seconds: int = 1
) -> dict[str, tuple[str, str]]:
    """Result and ActiveState of each service, or its LoadState where it is not loaded.

    Given are names without suffix, and the text of the unit behind
    its first lines; bytes are all of it.

    Started are those that are `wanted`, or all of them, and seen when they have had some seconds.
    """
    units = folder / "units"
    units.mkdir()
    names = [f"{name}.service" for name in services]
    for name, text in services.items():
        whole = text if isinstance(text, bytes) else f"[Unit]\nDefaultDependencies=no\n{text}".encode()
        (units / f"{name}.service").write_bytes(whole)
    every = " ".join(names)
    started = " ".join(f"{name}.service" for name in wanted) or every
    target = f"[Unit]\nDefaultDependencies=no\nWants=told.service {started}\n"
    (units / "judged.target").write_text(target)
    (units / "tell").write_text(TELL.format(units=every))
    (units / "tell").chmod(0o755)
    start = (
        f"[Service]\nType=oneshot\nExecStartPre=/bin/sleep {seconds}\nExecStart=/etc/systemd/system/tell\n"
    )
    waits = "" if wanted else f"After={every}\n"
    (units / "told.service").write_text(f"[Unit]\nDefaultDependencies=no\n{waits}{start}")
    _run(folder)
    rows = (line.split() for line in (folder / "told").read_text().splitlines())
    return {
        unit.removesuffix(".service"): (result if load == "loaded" else load, state)
        for unit, result, load, state in rows
    }


def _run(folder: Path) -> None:
    new = ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child"]
    command = ["unshare", *new, "sh", "-c", ENTER, "sh", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + SECONDS
        while not (folder / "told").exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
