"""Any disk at all, for hypothesis: data here and there, or what a machine leaves behind in a qcow2."""

import random
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st
from support.images import qemu_img, qemu_io

KIB, MIB = 1 << 10, 1 << 20

NOISE = random.Random(5).randbytes(MIB)
CONTENTS = {
    "noise": NOISE,
    # By its first bytes not what the gate refuses.
    "text": b"\1\2\0\3\0" + b"all work and no play " * 50_000,
    "zero": bytes(MIB),
}

EXTENTS = st.lists(
    st.tuples(st.integers(0, 6 * MIB), st.integers(1, 700 * KIB), st.sampled_from(list(CONTENTS))),
    max_size=8,
)
"""Start, length, and what is there."""


def write_disk(path: Path, size: int, extents: Sequence[tuple[int, int, str]]) -> None:
    """A raw disk with holes between the extents."""
    with path.open("wb") as file:
        for start, length, kind in extents:
            file.seek(min(start, size))
            file.write(CONTENTS[kind][: max(0, min(length, size - start))])
        file.truncate(size)


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["write -P", "write -z", "discard", "snapshot"]),
        st.integers(0, 6 * 1024),
        st.integers(1, 600),
    ),
    max_size=12,
)
"""What is done, and where, in KiB."""


def write_as_a_machine(image: Path, writes: Sequence[tuple[str, int, int]]) -> None:
    """Clusters out of order, overwritten, discarded, zeroed, shared with snapshots."""
    for number, (verb, start, length) in enumerate(writes, 1):
        if verb == "snapshot":
            qemu_img("snapshot", "-c", f"s{number}", image)
        else:
            pattern = f"{number} " if verb == "write -P" else ""
            qemu_io(image, [f"{verb} {pattern}{start}k {length}k"])
