"""The native engine as users meet it, qemu-img its judge: both directions, damage, streams, reflink."""

import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.any_disk import EXTENTS, WRITES, write_as_a_machine, write_disk
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import convert as by_qemu
from support.images import create, patch, qemu_img, qemu_io
from support.peak import run_and_peak

from imgtool.convert import convert
from imgtool.convert.extents import GRAIN_BYTES
from imgtool.formats import admit
from imgtool.model.conversion import ConversionOptions
from imgtool.util.progress import NullProgress

KIB, MIB = 1 << 10, 1 << 20
CLUSTERS = [512 << n for n in range(13)]


def run(source: Path, target: Path, target_format: convert.TargetFormat, compression="none", **options):
    # Said to be raw, because a few bytes of noise may look like a text.
    admitted = admit(source, "raw" if source.suffix == ".raw" else None)
    plan = convert.plan(admitted, target, target_format, compression, options=ConversionOptions(**options))
    assert plan.engine == "native"
    return convert.execute(plan, NullProgress())


def same(first: Path, first_format: str, second: Path, second_format: str) -> bool:
    argv = ["qemu-img", "compare", "-q", "-f", first_format, "-F", second_format, first, second]
    return subprocess.run(argv, check=False).returncode == 0


# ---------------------------------------------------------------- any disk, both directions


@given(
    size=st.integers(1, 7 * MIB),
    extents=EXTENTS,
    cluster=st.sampled_from(CLUSTERS),
    compression=st.sampled_from(["none", "zlib", "zstd"]),
    threads=st.integers(1, 4),
    use_extents=st.booleans(),
)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
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


FORMS = [
    ["-o", "compat=0.10"],
    ["-o", "compat=0.10", "-c"],
    ["-o", "preallocation=metadata"],
    ["-o", "refcount_bits=1"],
    ["-o", "refcount_bits=64", "-c"],
    ["-o", "compression_type=zstd", "-c"],
    ["-S", "0"],
]


@given(
    size=st.integers(1, 7 * MIB),
    extents=EXTENTS,
    clusters=st.tuples(st.sampled_from(CLUSTERS), st.sampled_from(CLUSTERS)),
    form=st.sampled_from(FORMS),
    target=st.sampled_from([("raw", "none"), ("qcow2", "none"), ("qcow2", "zlib"), ("qcow2", "zstd")]),
)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
def test_any_qcow2_that_qemu_makes(size, extents, clusters, form, target) -> None:
    (cluster, target_cluster), (target_format, compression) = clusters, target
    with tempfile.TemporaryDirectory() as folder:
        raw, image, out = (Path(folder) / name for name in ("a.raw", "b.qcow2", f"c.{target_format}"))
        write_disk(raw, size, extents)
        by_qemu(raw, image, "raw", "qcow2", "-o", f"cluster_size={cluster}", *form)
        run(image, out, target_format, compression, cluster_size_bytes=target_cluster)
        assert same(raw, "raw", out, target_format)


@given(WRITES, st.sampled_from(CLUSTERS), st.sampled_from(["0.10", "1.1"]), st.booleans())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_whatever_a_running_machine_leaves_behind(writes, cluster, version, compressed) -> None:
    """Clusters out of order, overwritten, discarded, zeroed, shared with snapshots, some compressed."""
    with tempfile.TemporaryDirectory() as folder:
        raw, image, out = (Path(folder) / name for name in ("a.raw", "b.qcow2", "c.raw"))
        write_disk(raw, 7 * MIB, [(0, MIB, "text"), (3 * MIB + 5000, 700 * KIB, "text")])
        options = ["-o", f"cluster_size={cluster},compat={version}", *(["-c"] if compressed else [])]
        by_qemu(raw, image, "raw", "qcow2", *options)
        write_as_a_machine(image, writes)
        run(image, out, "raw")
        assert same(image, "qcow2", out, "raw")


# ---------------------------------------------------------------- damaged images (tests/hostile has more)


@given(st.binary(min_size=1, max_size=8), st.integers(0, 5 * 64 * KIB))
@settings(max_examples=40)
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


# ---------------------------------------------------------------- memory, and the size of what comes out


@pytest.mark.parametrize("source_format", ["raw", "qcow2"])
def test_memory_is_bounded(source_format: str, tmp_path: Path) -> None:
    """A disk of 4 TiB as raw, of 64 TiB as qcow2: data at its beginning, in its middle and at its end."""
    size, raw = 1 << 42, tmp_path / "source.raw"
    with raw.open("wb") as file:
        file.write(random.Random(3).randbytes(100 * MIB))
        for place in (size // 2, size - MIB):
            file.seek(place)
            file.write(random.Random(4).randbytes(MIB))
    source = raw
    if source_format == "qcow2":
        source = by_qemu(raw, tmp_path / "source.qcow2", "raw", "qcow2")
        qemu_img("resize", "-q", "-f", "qcow2", source, "64T")
        size = 64 << 40
        qemu_io(source, [f"write -P 8 {size - MIB} 1M"])
    options = ["-c", "zstd", "--threads", "8", "--output", "json"]
    done, peak_bytes = run_and_peak([IMGTOOL, "convert", source, tmp_path / "o.qcow2", *options])
    assert json.loads(done.stdout)["virtual_size_bytes"] == size
    assert peak_bytes < 200 * MIB


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
@pytest.mark.parametrize("cluster", [512, 64 * KIB, 2 * MIB])
@pytest.mark.parametrize("content", ["noise", "text", "crumbs"])
def test_a_qcow2_is_no_longer_than_its_data_and_tables(
    content: str, cluster: int, compression: str, tmp_path: Path
) -> None:
    raw, image = tmp_path / "a.raw", tmp_path / "b.qcow2"
    extents = [(n * 3 * MIB, 700 * KIB, content) for n in range(4)]
    if content == "crumbs":
        extents = [(n * 200 * KIB, 900, "noise") for n in range(60)]
    write_disk(raw, 12 * MIB, extents)
    run(raw, image, "qcow2", compression, cluster_size_bytes=cluster)
    checked = json.loads(qemu_img("check", "--output=json", "-f", "qcow2", image))
    assert "leaks" not in checked, "every cluster that is counted is used"
    assert image.stat().st_size == checked["image-end-offset"], "and the file ends where the last one does"
    disk, unit = raw.read_bytes(), max(cluster, GRAIN_BYTES)
    used = sum(disk.count(0, place, place + unit) < unit for place in range(0, len(disk), unit)) * unit
    tables = -(-len(disk) * 8 // cluster) + -(-used * 2 // cluster)
    assert image.stat().st_size <= used + tables + 8 * cluster


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
    assert_clean_failure(imgtool("convert", outer, "-", "-O", "raw"), 5, "starts with a qcow2 header")


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
