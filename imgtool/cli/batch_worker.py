"""The program that `imgtool batch` forks its children from: `python -m imgtool.cli.batch_worker`.

It loads all that an image may need, once. Its stdin is the socket by which children are asked for.
"""

import importlib
import os
import socket
from functools import partial

from imgtool.batch import fork_child, worker
from imgtool.checks import registry
from imgtool.cli import limits
from imgtool.cli.bug_report import write_bug_report
from imgtool.formats import sniff
from imgtool.formats.layout import LAYOUT_MODULES
from imgtool.glance import preload as glance
from imgtool.guest import preload as guest
from imgtool.report import as_json

STDIN = 0
ALSO_NEEDED = (
    "imgtool.convert.sinks.qcow2_compressed",
    "imgtool.disk.open_source",
    "imgtool.disk.stream",
    "imgtool.convert.sources.mapped",
    "imgtool.convert.sources.stream",
    "imgtool.formats.ova.ova",
    "imgtool.formats.vmdk.pair",
    "imgtool.formats.wrapper",
    *LAYOUT_MODULES,
    "imgtool.policy.file",
    "zstandard",
)
"""What is imported late, since no single command needs all of it."""


def main() -> None:
    """Serve until the socket is closed."""
    limits.apply(os.environ)
    registry.all_checks()
    sniff.load()
    glance.preload()
    guest.preload()
    for name in ALSO_NEEDED:
        importlib.import_module(name)
    fork_child.serve(socket.socket(fileno=STDIN), partial(worker.main, as_json.prepared, write_bug_report))
    os._exit(0)


if __name__ == "__main__":
    main()
