"""The native engine as users meet it, qemu-img its judge: both directions, damage, signals, full disks."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import convert as by_qemu
from support.images import create, patch, qemu_img, qemu_io

from imgtool import convert
from imgtool.formats import admit
from imgtool.model import ConversionOptions
from imgtool.progress import NullProgress

KIB, MIB = 1 << 10, 1 << 20
CLUSTERS = [512 << n for n in range(13)]


def run(source: Path, target: Path, target_format: convert.TargetFormat, compression="none", **options):
    plan = convert.plan(
        admit(source), target, target_format, compression, options=ConversionOptions(**options)
    )
    assert plan.engine == "native"
    return convert.execute(plan, NullProgress())


def same(first: Path, first_format: str, second: Path, second_format: str) -> bool:
    argv = ["qemu-img", "compare", "-q", "-f", first_format, "-F", second_format, first, second]
    return subprocess.run(argv, check=False).returncode == 0


# ---------------------------------------------------------------- any disk, both directions

EXTENTS = st.lists(
    st.tuples(st.integers(0, 6 * MIB), st.integers(1, 700 * KIB), st.sampled_from(["noise", "text", "zero"])),
    max_size=8,
)


def write_disk(path: Path, size: int, extents) -> None:
    noise = random.Random(5).randbytes(MIB)
    text = (
        b"\1\2\0\3\0" + b"all work and no play " * 50_000
    )  # no text by its first bytes: the gate refuses that
    contents = {"noise": noise, "text": text, "zero": bytes(MIB)}
    with path.open("wb") as file:
        for start, length, kind in extents:
            file.seek(min(start, size))
            file.write(contents[kind][: max(0, min(length, size - start))])
        file.truncate(size)


@given(
    size=st.integers(1, 7 * MIB),
    extents=EXTENTS,
    cluster=st.sampled_from(CLUSTERS),
    compression=st.sampled_from(["none", "zlib", "zstd"]),
    threads=st.integers(1, 4),
    use_extents=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_raw_disk_there_and_back(  # noqa: PLR0917 - hypothesis hands over each by its name
    size, extents, cluster, compression, threads, use_extents
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw, there, back = (Path(folder) / name for name in ("a.raw", "b.qcow2", "c.raw"))
        write_disk(raw, size, extents)
        options = {"cluster_size_bytes": cluster, "threads": threads, "use_extents": use_extents}
        run(raw, there, "qcow2", compression, **options)  # `qemu-img check` is part of it
        assert same(raw, "raw", there, "qcow2")
        run(there, back, "raw", threads=threads)
        padded = raw.read_bytes().ljust(-(-size // 512) * 512, b"\0")
        assert back.read_bytes() == padded


@given(
    sectors=st.integers(1, 7 * MIB // 512),
    extents=EXTENTS,
    cluster=st.sampled_from(CLUSTERS),
    form=st.sampled_from(
        [["-o", "compat=0.10"], [], ["-c"], ["-c", "-o", "compression_type=zstd"], ["-S", "0"]]
    ),
    target_format=st.sampled_from(["raw", "qcow2"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_qcow2_that_qemu_makes(sectors, extents, cluster, form, target_format) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw, image, out = (Path(folder) / name for name in ("a.raw", "b.qcow2", f"c.{target_format}"))
        write_disk(raw, sectors * 512, extents)
        by_qemu(raw, image, "raw", "qcow2", "-o", f"cluster_size={cluster}", *form)
        run(image, out, target_format, cluster_size_bytes=cluster)
        assert same(raw, "raw", out, target_format)


def test_what_a_running_machine_leaves_behind(tmp_path: Path) -> None:
    """Clusters out of order, overwritten, discarded, zeroed, some of them compressed."""
    image, out = create(tmp_path / "a.qcow2", "qcow2", "8M"), tmp_path / "b.raw"
    writes = ["write -P 1 4M 1M", "write -P 2 0 300k", "write -c -P 3 2M 64k", "write -z 4100k 200k"]
    qemu_io(image, [*writes, "discard 64k 64k", "write -P 4 2050k 3k", "write -P 5 7M 512"])
    run(image, out, "raw", verify="full")
    assert same(image, "qcow2", out, "raw")


# ---------------------------------------------------------------- damaged images (tests/hostile has more)


@given(st.binary(min_size=1, max_size=8), st.integers(0, 5 * 64 * KIB))
@settings(max_examples=40, deadline=None)
def test_any_damage_is_an_error_or_some_disk(damage: bytes, place: int) -> None:
    """Of any byte of the tables: never a crash, never a wrong size, and never anything left behind."""
    from imgtool.errors import ImgtoolError  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = create(folder / "x.qcow2", "qcow2", "8M")
        qemu_io(path, ["write -P 7 0 128k", "write -c -P 8 1M 64k", "write -P 9 2M 64k"])
        patch(path, place, damage)
        try:
            run(path, folder / "out.raw", "raw")
        except ImgtoolError:
            assert [path.name for path in folder.iterdir()] == ["x.qcow2"]
        else:
            assert (folder / "out.raw").stat().st_size % 512 == 0


# ---------------------------------------------------------------- signals, full disks, memory


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Enough work for a second."""
    path = tmp_path / "large.raw"
    noise = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(300):
            file.write(noise[number:] + noise[:number])
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("old", [True, False])
def test_killed_at_any_moment(large: Path, number: int, old: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "target.qcow2"
    for delay in (random.uniform(0, 1.2) for _ in range(2)):
        target.unlink(missing_ok=True)
        if old:
            target.write_text("old")
        process = subprocess.Popen(
            [IMGTOOL, "convert", "-c", "--level", "6", "--force", large, target],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        process.send_signal(number)
        process.wait(20)
        complete = target.exists() and target.stat().st_size > len("old")
        if process.returncode == 0 or complete:
            assert same(large, "raw", target, "qcow2")
            continue
        assert (target.read_text() == "old") if old else not target.exists()
        if number != signal.SIGKILL:
            assert os.listdir(folder) == (["target.qcow2"] if old else [])
    assert imgtool("convert", "--force", large, target).returncode == 0
    assert same(large, "raw", target, "qcow2")


def test_out_of_space(large: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small], check=True)
    try:
        for options in (["-O", "qcow2"], ["-c"], ["-O", "raw"], ["-O", "raw", "--preallocation", "falloc"]):
            failed = imgtool("convert", large, small / "target", *options)
            assert_clean_failure(failed, 5, "No space left on device", "free some space")
            assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""
"""Prints the peak memory of a command, in KiB. A process begins with the peak of the one that forked it,
and a pytest is large: a small one stands between."""


def test_memory_is_bounded(large: Path, tmp_path: Path) -> None:
    with large.open("r+b") as file:
        file.truncate(1 << 42)
        file.seek(1 << 41)
        file.write(os.urandom(MIB))
    options = ["-c", "zstd", large, tmp_path / "o.qcow2", "--threads", "8", "--output", "json"]
    made = subprocess.run(
        [sys.executable, "-c", PEAK, IMGTOOL, "convert", *options], capture_output=True, text=True, check=True
    )
    assert json.loads(made.stdout)["virtual_size_bytes"] == 1 << 42
    assert int(made.stderr.splitlines()[-1]) < 200 * KIB


# ---------------------------------------------------------------- streams and devices


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    write_disk(path, 5 * MIB + 512, [(0, 3000, "text"), (MIB, 700 * KIB, "noise"), (5 * MIB, 512, "text")])
    return path


def piped(stdin: bytes, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([IMGTOOL, *arguments], input=stdin, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("form", ["raw", "gzip", "qcow2"])
def test_from_stdin_to_stdout(disk: Path, form: str, tmp_path: Path) -> None:
    content = disk.read_bytes()
    if form == "gzip":
        stdin = subprocess.run(["gzip", "-c", disk], capture_output=True, check=True).stdout
    else:
        stdin = by_qemu(disk, tmp_path / "x", "raw", form).read_bytes()
    done = piped(stdin, "convert", "-", "-", "-O", "raw")
    assert (done.returncode, done.stdout == content) == (0, True), done.stderr
    done = piped(stdin, "convert", "-", tmp_path / "y.qcow2", "-c", "zstd")
    assert done.returncode == 0, done.stderr
    assert same(disk, "raw", tmp_path / "y.qcow2", "qcow2")


def test_what_cannot_be_streamed_is_said(disk: Path, tmp_path: Path) -> None:
    refused = imgtool("convert", disk, "-", "-O", "qcow2")
    assert_clean_failure(refused, 2, "regular file only")
    assert_clean_failure(
        imgtool("convert", disk, "-", "-O", "raw", "--verify", "full"), 2, "cannot be compared"
    )
    done = piped(disk.read_bytes(), "convert", "-", tmp_path / "y.raw", "-O", "raw", "--engine", "qemu-img")
    assert done.returncode == 0, "a copy is kept for qemu-img"
    inner = create(tmp_path / "inner.qcow2", "qcow2", "1M")
    outer = by_qemu(inner, tmp_path / "outer.qcow2", "raw", "qcow2")
    assert_clean_failure(imgtool("convert", outer, "-", "-O", "raw"), 5, "begins as a qcow2 image")


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Path]:
    backing = tmp_path / "device"
    backing.write_bytes(b"old data" * MIB)
    made = subprocess.run(["losetup", "-f", "--show", backing], capture_output=True, text=True, check=True)
    yield Path(made.stdout.strip())
    subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)


def test_a_block_device_shows_no_old_data(disk: Path, device: Path, tmp_path: Path) -> None:
    assert_clean_failure(imgtool("convert", disk, device, "-O", "raw"), 2, "is a block device", "--force")
    assert_clean_failure(imgtool("convert", disk, device, "--force"), 2, "regular file only")
    done = imgtool("convert", disk, device, "-O", "raw", "--force")
    assert done.returncode == 0, done.stderr
    content = disk.read_bytes()
    assert device.read_bytes()[: len(content)] == content
    disk.write_bytes(bytes(9 * MIB))
    assert_clean_failure(imgtool("convert", disk, device, "-O", "raw", "--force"), 2, "take a larger device")
    back = tmp_path / "back.qcow2"
    assert imgtool("convert", device, back, "-f", "raw").returncode == 0
    assert same(device, "raw", back, "qcow2")


# ---------------------------------------------------------------- reflink


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    image, folder = tmp_path / "xfs.img", tmp_path / "xfs"
    with image.open("wb") as file:
        file.truncate(400 * MIB)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    folder.mkdir()
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("cluster", [4 * KIB, 64 * KIB, 2 * MIB])
def test_extents_are_cloned_where_the_file_system_can(xfs: Path, cluster: int) -> None:
    raw, there, back, other = (xfs / name for name in ("a.raw", "b.qcow2", "c.raw", "d.qcow2"))
    extents = [
        (0, 700 * KIB, "text"),
        (700 * KIB + 4096, 500 * KIB, "noise"),
        (4 * MIB + 60 * KIB, MIB, "text"),
    ]
    write_disk(raw, 6 * MIB + 1000, [*extents, (6 * MIB - 7000, 8000, "noise")])
    options = {"cluster_size_bytes": cluster, "verify": "full"}
    for source, target in ((raw, there), (there, back), (there, other), (raw, xfs / "e.raw")):
        result = run(source, target, "qcow2" if target.suffix == ".qcow2" else "raw", **options)
        assert result.data_bytes is not None
        assert result.data_bytes - 2 * MIB < result.cloned_bytes <= result.data_bytes
        assert result.cloned_bytes > 0
    assert back.read_bytes()[: raw.stat().st_size] == raw.read_bytes()
    plain = run(raw, xfs / "f.qcow2", "qcow2", use_extents=False)
    assert plain.cloned_bytes == 0


def test_without_qemu_img(disk: Path, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)}
    refused = imgtool("convert", disk, tmp_path / "a.qcow2", env=env)
    assert_clean_failure(refused, 4, "qemu-img is not installed", "--verify none")
    assert imgtool("convert", disk, tmp_path / "a.qcow2", "--verify", "none", env=env).returncode == 0
    assert imgtool("convert", disk, tmp_path / "b.raw", "-O", "raw", env=env).returncode == 0
    qemu_img("check", "-q", tmp_path / "a.qcow2")
    assert same(disk, "raw", tmp_path / "a.qcow2", "qcow2")
