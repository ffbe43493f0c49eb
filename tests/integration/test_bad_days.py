"""Disks that fail, files that change while they are read, folders that go, clocks that jump.

The result is whole, or a clean failure with nothing left behind. Each moment comes from a fixed seed.
"""

import errno
import os
import random
import subprocess
from pathlib import Path

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import convert
from support.mishaps import Mishaps, mishaps, small_disk

import imgtool as package

__all__ = ["mishaps"]

MIB = 1 << 20
OLD = b"what stood here before"
SOURCES = ["disk.raw", "disk.qcow2", "small.qcow2", "disk.raw.gz"]
OPTIONS = {"raw": ["-O", "raw"], "qcow2": ["-O", "qcow2"], "compressed": ["-c"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk of 24 MiB with an ext4 of 16 MiB in it, and its like in other forms."""
    path = tmp_path_factory.mktemp("sources")
    raw, chance = path / "disk.raw", random.Random(11)
    with raw.open("wb") as file:
        file.truncate(24 * MIB)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", raw, "16M"], check=True)
    with raw.open("r+b") as file:
        for number in range(16):
            file.seek(16 * MIB + number * MIB // 2)
            file.write(chance.randbytes(MIB // 4))
    convert(raw, path / "disk.qcow2", "raw", "qcow2")
    convert(raw, path / "small.qcow2", "raw", "qcow2", "-c")
    subprocess.run(["gzip", "-k", "-1", raw], check=True)
    return path


@pytest.fixture
def source(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """A copy, which may be spoiled."""
    (tmp_path / "from").mkdir()
    copy = tmp_path / "from" / str(getattr(request, "param", "disk.raw"))
    subprocess.run(["cp", "--sparse=always", folder / copy.name, copy], check=True)
    return copy


def moments(seed: object, count: int, most: int) -> list[int]:
    """Some calls out of the first `most`, the very first among them."""
    return sorted({1, *random.Random(str(seed)).sample(range(2, most), count - 1)})


def put_old(folder: Path) -> Path:
    (folder / "to").mkdir(exist_ok=True)
    (folder / "to" / "target").write_bytes(OLD)
    return folder / "to" / "target"


def assert_old_is_left(target: Path) -> None:
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == [target.name]


# ---------------------------------------------------------------- the source


@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_a_read_error_while_it_is_converted(source: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    target, failures = put_old(tmp_path), 0
    for at in moments(source.name, 4, 24):
        env = mishaps.failing("preadv", source, at)
        run = imgtool("convert", source, target, "--force", "-O", "qcow2", env=env)
        if run.returncode == 0:  # so many reads there were not
            target.write_bytes(OLD)
            continue
        failures += 1
        assert_clean_failure(run, 3, str(source), "Input/output error")
        assert_old_is_left(target)
    assert failures >= 2


@pytest.mark.parametrize("source", SOURCES, indirect=True)
@pytest.mark.parametrize("command", ["inspect", "check"])
def test_a_read_error_while_it_is_looked_at(
    command: str, source: Path, mishaps: Mishaps, tmp_path: Path
) -> None:
    """It is an error, or makes facts unknown; it never crashes, and never passes."""
    for at in moments((command, source.name), 4, 24):
        run = imgtool(command, source, env=mishaps.failing("preadv", source, at))
        assert "Traceback" not in run.stderr
        assert "internal error" not in run.stderr
        assert run.returncode in {0, 3} if command == "inspect" else run.returncode in {1, 3}, run.stderr


def test_a_read_error_on_a_disk_that_fails(source: Path, tmp_path: Path) -> None:
    """A real file system says so, by nbdkit: from then on each read fails."""
    trigger, mounted, target = tmp_path / "trigger", tmp_path / "disk.img", put_old(tmp_path)
    mounted.touch()
    server = ["nbdkit", "--exit-with-parent", "-f", "--filter=error", "file", source]
    server += ["error-pread=EIO", "error-pread-rate=100%", f"error-pread-file={trigger}"]
    with subprocess.Popen(["nbdfuse", "-r", mounted, "--socket-activation", *server]) as process:
        try:
            wait_until_mounted(mounted, process)
            assert imgtool("convert", mounted, tmp_path / "good.qcow2").returncode == 0
            subprocess.run(["sync", "-f", mounted], check=False)
            Path("/proc/sys/vm/drop_caches").write_text("1")
            trigger.touch()
            failed = imgtool("convert", mounted, target, "--force", "-O", "raw")
        finally:
            subprocess.run(["umount", mounted], check=False)
            process.wait(20)
    assert_clean_failure(failed, 3, str(mounted))
    assert_old_is_left(target)


def wait_until_mounted(path: Path, process: "subprocess.Popen[bytes]") -> None:
    while path.stat().st_size == 0:
        assert process.poll() is None, "nbdfuse ended"
        os.sched_yield()


@pytest.mark.parametrize("what", ["shrinking", "changing"])
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_a_source_that_changes_while_it_is_read(
    source: Path, what: str, mishaps: Mishaps, tmp_path: Path
) -> None:
    target, content, noticed = put_old(tmp_path), source.read_bytes(), 0
    for at in moments((what, source.name), 4, 16):
        run = imgtool(
            "convert", source, target, "--force", "-O", "raw", env=getattr(mishaps, what)(source, at)
        )
        if source.stat().st_size == len(content) and source.stat().st_mtime > 1:
            assert run.returncode == 0  # it was converted in fewer reads
            target.write_bytes(OLD)
            continue
        noticed += 1
        assert_clean_failure(run, 3, str(source))
        assert_old_is_left(target)
        source.write_bytes(content)
    assert noticed >= 2


# ---------------------------------------------------------------- the target


@pytest.mark.parametrize("form", OPTIONS)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_write_error(form: str, number: int, folder: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    image, target, failures = folder / "disk.qcow2", put_old(tmp_path), 0
    for at in moments((form, number), 3, 20):
        env = mishaps.failing("pwritev", target.parent, at, number)
        run = imgtool("convert", image, target, "--force", *OPTIONS[form], env=env)
        if run.returncode == 0:
            target.write_bytes(OLD)
            continue
        failures += 1
        assert_clean_failure(run, 5, os.strerror(number))
        assert_old_is_left(target)
    assert failures


@pytest.mark.parametrize("at", [1, 2])
def test_a_disk_that_cannot_be_flushed(at: int, source: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    """The file, then its folder's names: only then is the target on the disk. The second cannot be undone."""
    target = put_old(tmp_path)
    env = mishaps.failing("fsync", target.parent, at)
    run = imgtool("convert", source, target, "--force", "-O", "qcow2", env=env)
    assert_clean_failure(run, 5, str(target), "Input/output error")
    assert os.listdir(target.parent) == [target.name]
    assert at == 2 or target.read_bytes() == OLD


@pytest.mark.parametrize("moment", [("pwritev", 1), ("pwritev", 5), ("fsync", 1)], ids=str)
@pytest.mark.parametrize("form", OPTIONS)
def test_a_folder_that_vanishes(
    form: str, moment: tuple[str, int], folder: Path, mishaps: Mishaps, tmp_path: Path
) -> None:
    target = tmp_path / "to" / "target"
    target.parent.mkdir()
    env = mishaps.vanishing(target.parent, *moment)
    run = imgtool("convert", folder / "disk.qcow2", target, *OPTIONS[form], env=env)
    assert_clean_failure(run, 5, str(target), "folder")
    assert not target.parent.exists()


def test_a_report_that_cannot_be_written(source: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    env = mishaps.failing("fsync", reports, 1)
    run = imgtool("check", source, "--report", f"json={reports}/r.json", env=env)
    assert run.returncode == 5
    assert "internal error" not in run.stderr
    assert os.listdir(reports) == []


# ---------------------------------------------------------------- the machine


@pytest.mark.parametrize(
    "command", [["inspect", "IMAGE"], ["convert", "IMAGE", "OUT"], ["prepare", "IMAGE", "--dry-run"]]
)
@pytest.mark.parametrize("size_kib", [4, 64, 4096])
def test_a_full_tmp(command: list[str], size_kib: int, folder: Path, tmp_path: Path) -> None:
    """At any size it is a clean error, which says what to do."""
    words = {"IMAGE": folder / "small.qcow2.gz", "OUT": tmp_path / "out"}
    if not words["IMAGE"].exists():
        subprocess.run(["gzip", "-k", "-1", folder / "small.qcow2"], check=True)
    with small_disk(tmp_path / "tmp", size_kib << 10) as full:
        run = imgtool(*(words.get(word, word) for word in command), env={"TMPDIR": str(full)})
        assert_clean_failure(run, 3, str(words["IMAGE"]), "temporary file", "TMPDIR")
        assert os.listdir(full) == []
    assert not words["OUT"].exists()


def test_stdin_with_a_full_tmp(folder: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "tmp", 4 * MIB) as full, (folder / "disk.qcow2").open("rb") as file:
        with subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as cat:
            env = {**os.environ, "TMPDIR": str(full)}
            run = run_from(cat, ["inspect", "-"], env)
        assert_clean_failure(run, 3, "stdin", "temporary file", "TMPDIR")


def run_from(
    producer: "subprocess.Popen[bytes]", words: list[str], env: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    run = subprocess.run(
        [IMGTOOL, *words], stdin=producer.stdout, env=env, capture_output=True, text=True, check=False
    )
    assert producer.stdout is not None
    producer.stdout.close()
    return run


@pytest.mark.parametrize("form", OPTIONS)
def test_a_clock_that_jumps(form: str, folder: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    env = mishaps.jumping_clock()
    run = imgtool("convert", folder / "disk.qcow2", tmp_path / "out", *OPTIONS[form], env=env)
    assert run.returncode == 0, run.stderr
    assert " -" not in run.stdout
    judged = imgtool("check", folder / "disk.raw", env=env)
    assert judged.returncode == 1, judged.stderr


READ_ONLY = (
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/x" 2>/dev/null && exec "$@"'
)


@pytest.mark.parametrize("command", ["inspect", "convert", "explain"])
def test_a_checkout_that_is_read_only(command: str, folder: Path, tmp_path: Path) -> None:
    checkout = Path(package.__file__).parents[1]
    images = {
        "inspect": [folder / "disk.raw"],
        "convert": [folder / "disk.raw", tmp_path / "out"],
        "explain": [],
    }
    argv = ["unshare", "--mount", "sh", "-c", READ_ONLY, checkout, IMGTOOL, command, *images[command]]
    run = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_a_batch_whose_clock_jumps(folder: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    manifest = tmp_path / "images.yaml"
    images = "".join(f"  - source: {folder / name}\n" for name in ("disk.raw", "small.qcow2"))
    manifest.write_text(f"defaults:\n  output: {tmp_path}/out/\n  policy: minimal\nimages:\n{images}")
    (tmp_path / "out").mkdir()
    run = imgtool("batch", manifest, "--output", "json", env=mishaps.jumping_clock())
    assert run.returncode in {0, 7}, run.stderr
    assert "internal error" not in run.stdout + run.stderr


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "xx_YY.ISO-8859-1"}, {}])
def test_no_locale(locale: dict[str, str], folder: Path, tmp_path: Path) -> None:
    """Names and texts of any language are shown, or escaped; never an error."""
    odd = tmp_path / "naïve 漢字 \udcff.raw"
    os.link(folder / "disk.raw", odd)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    more = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for env in (kept | locale, kept | locale | more):
        for command in (["inspect"], ["check"], ["convert", "--dry-run"]):
            run = bare(command, odd, tmp_path / "漢字", env)
            assert run.returncode in {0, 1}, run.stderr
            assert b"internal error" not in run.stderr


def bare(
    words: list[str], image: Path, target: Path, env: dict[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    places = [image, target] if words[0] == "convert" else [image]
    return subprocess.run(
        [IMGTOOL, *words, *map(os.fsencode, places)], env=env, capture_output=True, check=False, timeout=300
    )
