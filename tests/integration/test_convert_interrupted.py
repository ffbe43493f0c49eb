"""Killed at any moment, or out of space: the target is the old file, or nothing, or complete; never less."""

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.images import convert
from support.mishaps import small_disk
from support.processes import wait_for

pytestmark = pytest.mark.series(3)

KIB, MIB = 1 << 10, 1 << 20
OLD = b"what stood here before"
MOMENTS, MOMENTS_WITHOUT_OLD = 10, 4
BEFORE_IT_BEGAN = {1}
"""The status of Python, where ^C comes while it starts itself."""
GAP_SECONDS = 0.05
"""At most, between a signal and the same once more."""


@dataclass(frozen=True)
class Conversion:
    source: Path
    options: tuple[str, ...]
    seconds: float
    """How long it takes, measured here: the moments are spread over it."""

    def argv(self, target: Path, *more: str) -> list[str | Path]:
        return [IMGTOOL, "convert", self.source, target, *self.options, *more]

    def same(self, target: Path) -> bool:
        """Whether `target` is a complete image of the source's disk, in qemu-img's judgement."""
        target_format = "raw" if "raw" in self.options else "qcow2"
        source_format = self.source.suffix[1:]
        checks = [["compare", "-q", "-f", source_format, "-F", target_format, self.source, target]]
        if target_format == "qcow2":
            checks.append(["check", "-q", "-f", "qcow2", target])
        return all(subprocess.run(["qemu-img", *check], check=False).returncode == 0 for check in checks)


OPTIONS = {
    "raw to qcow2": ("-O", "qcow2"),
    "qcow2 to raw": ("-O", "raw"),
    "compressed": ("-c", "zlib"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Enough work for a few tenths of a second."""
    folder = tmp_path_factory.mktemp("sources")
    raw, noise = folder / "large.raw", random.Random(7).randbytes(MIB)
    with raw.open("wb") as file:
        for number in range(40):
            file.write(noise[number:] + noise[:number])
            file.seek(MIB // 8, os.SEEK_CUR)
        file.truncate(50 * MIB)
    return {"raw": raw, "qcow2": convert(raw, folder / "large.qcow2", "raw", "qcow2")}


@pytest.fixture(scope="module", params=OPTIONS)
def conversion(request, sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    source = sources["qcow2" if request.param.startswith("qcow2") else "raw"]
    made = Conversion(source, OPTIONS[request.param], 0)
    target = tmp_path_factory.mktemp("whole") / "target"
    started = time.monotonic()
    subprocess.run(made.argv(target), check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    assert made.same(target)
    target.unlink()
    return Conversion(source, made.options, seconds)


def interrupted(argv: list[str | Path], delay: float, signals: list[signal.Signals]) -> int:
    """Run `argv`, and send it the signals; ^C goes to all its children too, as from a terminal."""
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    for number in signals:
        time.sleep(delay)
        if process.poll() is None:
            if number == signal.SIGINT:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        delay = random.uniform(0, GAP_SECONDS)
    return process.wait(20)


def assert_nobody_works_in(folder: Path) -> None:
    """No program that was started for it, qemu-img above all."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        assert bytes(folder) not in command


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_at_any_moment(conversion: Conversion, number: signal.Signals, tmp_path: Path) -> None:
    """Over an old file, and, by somebody who is impatient and sends it twice, where there is none."""
    target = tmp_path / "target"
    moments = random.Random(f"{number} {conversion.options}")
    statuses = set()
    for old in [OLD] * MOMENTS + [None] * MOMENTS_WITHOUT_OLD:
        put(target, old)
        delay = moments.uniform(0, conversion.seconds * 1.1)
        status = interrupted(
            conversion.argv(target, *(["--force"] if old else [])), delay, [number] * (1 if old else 2)
        )
        statuses.add(status)
        if status == 0 or content(target) != old:
            assert conversion.same(target), f"after {delay} s"
        if number != signal.SIGKILL:
            assert [name for name in os.listdir(tmp_path) if name != "target"] == [], f"after {delay} s"
            assert_nobody_works_in(tmp_path)
    assert statuses - {0}, "no signal came in time"
    assert statuses <= {0, 130, *BEFORE_IT_BEGAN, -number}
    subprocess.run(conversion.argv(target, "--force"), check=True, stdout=subprocess.DEVNULL)
    assert conversion.same(target)


def put(path: Path, what: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if what is not None:
        path.write_bytes(what)


def content(path: Path) -> bytes | None:
    """As far as it can be told from OLD."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return file.read(len(OLD) + 1)


# ---------------------------------------------------------------- out of space


@pytest.mark.parametrize("old", [None, OLD], ids=["nothing there", "an old file"])
@pytest.mark.parametrize(
    "options",
    [
        ["-O", "qcow2"],
        ["-c"],
        ["-c", "zstd"],
        ["-O", "raw"],
        ["-O", "raw", "--preallocation", "falloc"],
        ["-O", "raw", "--preallocation", "full"],
        ["-O", "qcow2", "--engine", "qemu-img"],
    ],
    ids=" ".join,
)
def test_out_of_space(
    options: list[str], old: bytes | None, sources: dict[str, Path], tmp_path: Path
) -> None:
    source = sources["qcow2" if "raw" in options else "raw"]
    with small_disk(tmp_path / "small", 20 * MIB) as small:
        put(small / "target", old)
        failed = imgtool("convert", source, small / "target", *options, *(["--force"] if old else []))
        assert_clean_failure(failed, 5, "No space left on device")
        assert content(small / "target") == old
        assert len(os.listdir(small)) == (old is not None)


@pytest.mark.parametrize("missing_bytes", [4 * KIB, 64 * KIB, 256 * KIB])
def test_out_of_space_at_the_very_end(missing_bytes: int, sources: dict[str, Path], tmp_path: Path) -> None:
    """Where the data has room, and its tables have not."""
    argv = ["convert", sources["raw"], tmp_path / "small" / "target", "-c", "--force"]
    with small_disk(tmp_path / "small", 100 * MIB) as small:
        assert imgtool(*argv).returncode == 0
        needed = (small / "target").stat().st_blocks * 512
        for size, status in ((needed - missing_bytes, 5), (needed, 0)):
            (small / "target").unlink(missing_ok=True)
            # The kernel frees the rules of Landlock that named it a moment after the program has ended.
            wait_for(lambda: os.statvfs(small).f_bfree == os.statvfs(small).f_blocks)
            subprocess.run(["mount", "-o", f"remount,size={size}", small], check=True)
            done = imgtool(*argv)
            assert done.returncode == status, done.stderr
            assert os.listdir(small) == ([] if status else ["target"])


# ---------------------------------------------------------------- targets that are refused


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with an image, and with other names for it."""
    (tmp_path / "image.raw").write_bytes(bytes(MIB))
    (tmp_path / "hard.raw").hardlink_to(tmp_path / "image.raw")
    (tmp_path / "soft.raw").symlink_to("image.raw")
    (tmp_path / "nowhere.raw").symlink_to("no-such")
    (tmp_path / "other").write_bytes(OLD)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("image.raw", "image.raw", "is the source itself"),
        ("image.raw", "hard.raw", "is the source itself"),
        ("image.raw", "soft.raw", "is the source itself"),
        ("soft.raw", "image.raw", "is the source itself"),
        ("image.raw", "folder/../image.raw", "is the source itself"),
        ("image.raw", "no/such/target", "no/such does not exist"),
        ("image.raw", "other/target", "other does not exist"),
        ("image.raw", "other", "already exists"),
        ("image.raw", "folder", "not a regular file"),
        ("image.raw", "fifo", "not a regular file"),
        ("image.raw", "nowhere.raw", "not a regular file"),
    ],
)
def test_a_target_that_is_refused(source: str, target: str, says: str, here: Path) -> None:
    before = state(here)
    force = [] if "exists" in says else ["--force"]
    failed = imgtool("convert", here / source, here / target, *force)
    assert_clean_failure(failed, 2, says, str(here / target))
    assert state(here) == before


def state(folder: Path) -> dict[str, tuple[int, ...]]:
    """All that writing or renaming would change."""
    found = ((path.name, path.lstat()) for path in folder.iterdir())
    return {
        name: (now.st_ino, now.st_mode, now.st_size, now.st_mtime_ns, now.st_nlink) for name, now in found
    }
