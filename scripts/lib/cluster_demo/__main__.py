"""A dask scheduler and three workers on loopback, and a batch over them: what a cluster does, on one machine.

  scripts/cluster-demo                          six images of its own, converted into a temporary folder
  scripts/cluster-demo images.yaml --journal J  your batch; what follows MANIFEST goes to imgtool batch
  scripts/devcloud run -- scripts/cluster-demo images.yaml     with a Keystone and a Glance to upload into

At the end it says which worker did which image. All that it started has ended then, also after ^C.

Exit status: that of imgtool batch; 2 usage, 4 where scheduler or workers do not start.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from arguments import positive

from cluster_demo import batch
from cluster_demo.processes import Cluster, ClusterFailedError, cluster

EXIT_FAILED = 4
EXIT_INTERRUPTED = 130


def main() -> int:
    """Start, run, tell, end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    options, more = _parser().parse_known_args()
    try:
        with tempfile.TemporaryDirectory(prefix="imgtool-cluster-demo-") as name, ExitStack() as running:
            folder = Path(name)
            manifest = options.manifest or batch.own_manifest(folder)
            started = running.enter_context(cluster(_made(folder / "cluster")))
            _add_workers(started, options.workers)
            return batch.run(started.address, manifest, more)
    except ClusterFailedError as error:
        print(f"cluster-demo: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _add_workers(started: Cluster, count: int) -> None:
    for number in range(count):
        started.add_worker(f"worker-{number + 1}")
    started.wait_for()
    pids = ", ".join(f"{name} (process {process.pid})" for name, process in started.workers.items())
    print(f"cluster-demo: scheduler {started.address}; {pids}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    usage = argparse.ArgumentParser(
        prog="cluster-demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="cluster-demo [--workers N] [MANIFEST [OPTION]...]", allow_abbrev=False,
    )  # fmt: skip
    usage.add_argument("manifest", type=Path, nargs="?", metavar="MANIFEST", help="of imgtool batch")
    usage.add_argument("--workers", type=positive, default=3, metavar="N", help="(default: 3)")
    return usage


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


sys.exit(main())
