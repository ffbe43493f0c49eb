"""scripts/bench: the figures are right, and no wrong output gets one."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench import bars, chart, cli, disks, gate, kept, measure, model, places, startup, tables
from bench.job import Configuration, Job
from bench.model import CaseResult, Confinement, Report, spread
from bench.peers import peers, takes_ova
from bench.rounds import Case, Settings, rotated, run_case
from bench.workloads import FOREIGN, WORKLOADS, make_source
from support.bench_results import MIB, case, result

SCRIPT = Path(__file__).parents[1] / "scripts/bench"
IMGTOOL = Path(sys.executable).with_name("imgtool")


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)


# ---------------------------------------------------------------- statistics


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], (3, 3, 3)), ([9.0, 1.0, 2.0], (2, 1, 9)), ([4.0, 1.0, 2.0, 100.0], (3, 1, 100))],
)
def test_the_spread_is_the_median_and_the_extremes(values: list[float], expected: tuple[float, ...]):
    assert dataclasses.astuple(spread(values)) == expected


def test_no_samples_have_no_median():
    with pytest.raises(ValueError, match="no samples"):
        spread([])


def test_the_best_peer_is_the_fastest_whose_output_is_right():
    wrong = result("quick and wrong", 0.1, failure="qemu-img compare: status 1")
    slow = result("stopped", 0.2, too_slow=True)
    measured = case(result("imgtool", 0.3, ours=True), wrong, slow, result("b", 2, 3, 9), result("c", 4))
    assert measured.best_peer is not None
    assert measured.best_peer.name == "b"
    assert measured.best_peer.wall.median == 3
    assert measured.failures == ["dense -> qcow2: quick and wrong: qemu-img compare: status 1"]


def test_throughput_is_per_allocated_byte():
    """2 of 4 MiB are allocated: 2 MiB in half a second."""
    row = tables.case_table(case(result("imgtool", 0.5, ours=True), result("peer", 1.0))).splitlines()[2]
    assert row.split() == ["imgtool", "0.500", "0.500", "0.500", "0.38", "50", "4.0", "4", "0.50"]


def test_a_loss_is_called_a_loss():
    table = tables.case_table(case(result("imgtool", 3, ours=True), result("peer", 2)))
    assert table.splitlines()[-1] == "imgtool / peer: 1.50, a LOSS: takes 1.5 times as long"


# ---------------------------------------------------------------- bars


@pytest.mark.parametrize(
    ("bar", "value", "word"),
    [
        (bars.Bar("dense", "qcow2", "time", 0.5), 0.5, "met"),
        (bars.Bar("dense", "qcow2", "time", 0.49), 0.5, "NOT MET"),
        (bars.Bar("dense", "qcow2", "time", 0.3, "slow peer"), 0.25, "met"),
        (bars.Bar("dense", "qcow2", "time", 1, "no such peer"), None, "not measured"),
        (bars.Bar("dense", "qcow2", "on disk", 0.99), 1.0, "NOT MET"),
        (bars.Bar("dense", "qcow2", "seconds", 1.0), 1.0, "met"),
        (bars.Bar("", "qcow2", "peak MiB", 49), 50.0, "NOT MET"),
        (bars.Bar("speckled", "qcow2", "time", 1), None, "not measured"),
    ],
)
def test_a_bar_is_judged(bar: bars.Bar, value: float | None, word: str):
    measured = case(result("imgtool", 1, ours=True), result("peer", 2), result("slow peer", 4))
    (verdict,) = bars.judge([measured], [bar])
    assert (verdict.value, verdict.word) == (value, word)


def test_every_bar_is_about_something_that_is_measured():
    known = {(workload.name, task) for workload in WORKLOADS.values() for task in workload.tasks}
    judged = {(bar.workload, bar.task) for bar in bars.BARS if bar.workload}
    assert judged - {(bars.CONFINEMENT, "")} <= known
    assert {(name, "raw") for name in FOREIGN} <= judged


def test_the_sandbox_is_judged_by_what_it_adds_to_a_later_run():
    measured = Confinement((0.03, 0.04, 0.09), (0.01, 0.02, 0.02), (0.1,))
    (verdict,) = bars.judge([], [bars.Bar(bars.CONFINEMENT, "", "CPU ms", 19)], measured)
    assert verdict.value == pytest.approx(20)
    assert verdict.word == "NOT MET"
    (unknown,) = bars.judge([], [verdict.bar])
    assert unknown.word == "not measured"
    assert "adds 20.0 ms of CPU to a run, and 60.0 ms to the first" in tables.confinement_table(measured)


# ---------------------------------------------------------------- one timed run


def test_a_run_is_timed_as_a_whole(tmp_path: Path):
    target = tmp_path / "target"
    ended = measure.run(["sh", "-c", f"head -c 300000 /dev/zero > {target}; sleep 0.3"], target, 10)
    assert 0.3 <= ended.sample.wall_seconds < 5
    assert ended.sample.user_seconds + ended.sample.system_seconds < 0.25
    assert ended.sample.file_size_bytes == 300_000
    assert ended.sample.allocated_bytes == target.stat().st_blocks * 512
    assert (ended.failure, ended.too_slow) == ("", False)


def test_peak_memory_is_the_commands_own_with_its_children_but_not_ours():
    ours = bytearray(os.urandom(MIB) * 150)
    small = measure.run(["sh", "-c", "true; true"], None, 10).sample.peak_rss_bytes
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray({80 * MIB})'])"
    large = measure.run([sys.executable, "-c", script], None, 10).sample.peak_rss_bytes
    assert small < 20 * MIB < len(ours)
    assert 80 * MIB <= large < 120 * MIB


def test_a_run_beyond_the_limit_is_killed_with_its_children():
    ended = measure.run(["sh", "-c", "sleep 54321 & sleep 54321"], None, 0.3)
    assert ended.too_slow
    assert ended.failure == ""
    assert subprocess.run(["pgrep", "-f", "^sleep 54321"], check=False).returncode == 1


def test_a_program_that_fails_says_why():
    ended = measure.run(["qemu-img", "info", "/no/such/image"], None, 10)
    assert ended.failure.startswith("status 1: qemu-img: ")
    with pytest.raises(RuntimeError, match="no-such-program was not started"):
        measure.run(["no-such-program"], None, 10)


# ---------------------------------------------------------------- rounds and the gate

GOOD = Configuration("good", (), lambda job: convert(job, job.source))
CORRUPT = (
    "f=$2; qemu-img convert -O qcow2 $1 $f; printf '\\2' | dd of=$f bs=1 seek=131073 conv=notrunc status=none"
)


def convert(job: Job, source: Path) -> list[str]:
    return ["qemu-img", "convert", "-f", "raw", "-O", job.target_format, str(source), str(job.target)]


def measured_with(entrants: list[Configuration], folder: Path, rounds: int = 2) -> CaseResult:
    source = make_source(WORKLOADS["speckled"], folder, MIB)
    told: list[str] = []
    done = run_case(
        Case(WORKLOADS["speckled"], "qcow2", source, tuple(entrants)), Settings(rounds, 20), told.append
    )
    assert [path.name for path in folder.iterdir()] == ["source.raw"]
    return done


def test_another_goes_first_in_every_round():
    assert [rotated("abc", number) for number in range(4)] == [
        list("abc"),
        list("bca"),
        list("cab"),
        list("abc"),
    ]


def test_a_right_output_has_a_time_for_every_round(tmp_path: Path):
    (good,) = measured_with([GOOD], tmp_path, rounds=3).results
    assert len(good.samples) == 3
    assert good.file_size_bytes > MIB
    assert good.command == ("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "SOURCE", "TARGET")


def test_a_spoiled_output_is_caught_and_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = tmp_path / "other.raw"
    work = tmp_path / "work"
    work.mkdir()
    disks.half_holes(other, MIB)
    spoiled = {
        "other content": lambda job: convert(job, other),
        "corrupt": lambda job: ["sh", "-c", CORRUPT, "sh", str(job.source), str(job.target)],
        "writes nothing": lambda _: ["true"],
        "fails": lambda _: ["false"],
    }
    entrants = [GOOD, *(Configuration(name, (), command) for name, command in spoiled.items())]
    done = measured_with(entrants, work)
    good, *bad = done.results
    assert good.counts
    assert not any(entry.samples or entry.counts for entry in bad)
    reasons = {entry.name: entry.failure for entry in bad}
    assert reasons["other content"].startswith("qemu-img compare: status 1: Content mismatch at offset")
    assert reasons["corrupt"].startswith("qemu-img check: status ")
    assert reasons["writes nothing"] == "wrote nothing"
    assert reasons["fails"].startswith("status 1")
    assert cli.status(Report({}, {}, (done,)), enforce=False) == 1
    assert capsys.readouterr().err.count("FAILED") == 4


def test_who_is_too_slow_takes_no_further_part_and_fails_nothing(tmp_path: Path):
    sleeper = Configuration("sleeper", (), lambda _: ["sleep", "60"])
    source = make_source(WORKLOADS["speckled"], tmp_path, MIB)
    told: list[str] = []
    done = run_case(
        Case(WORKLOADS["speckled"], "qcow2", source, (sleeper, GOOD)), Settings(2, 1), told.append
    )
    assert [line for line in told if "sleeper" in line] == ["round 1/2: sleeper"]
    assert done.results[0].too_slow
    assert done.failures == []


# ---------------------------------------------------------------- disks and places


@pytest.mark.parametrize(
    ("name", "virtual", "allocated"),
    [
        ("empty", 100 << 30, 0),
        ("dense", 2 * MIB, 2 * MIB),
        ("half-zeros", 2 * MIB, 2 * MIB),
        ("half-holes", 2 * MIB, MIB),
        ("speckled", 2 * MIB, MIB // 8),
        ("scattered", 10 << 40, 2 * MIB),
        ("text", MIB, MIB),
    ],
)
def test_a_disk_is_what_it_says_and_the_same_every_time(
    tmp_path: Path, name: str, virtual: int, allocated: int
):
    digests = set()
    for number in range(2):
        path = tmp_path / f"{number}.raw"
        WORKLOADS[name].make(path, 2 * MIB)
        assert path.stat().st_size == virtual
        assert path.stat().st_blocks * 512 == pytest.approx(allocated, rel=0.05, abs=16384)
        digests.add(data_digest(path))
    assert len(digests) == 1


def data_digest(path: Path) -> str:
    """Of the data alone, with its offsets."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        at = 0
        while True:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return digest.hexdigest()
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            digest.update(b"%d:" % start + os.pread(file.fileno(), at - start, start))


def test_text_can_be_compressed_about_as_text_can(tmp_path: Path):
    import zlib  # noqa: PLC0415 - nothing else here needs it

    disks.text_like(tmp_path / "text", MIB)
    content = (tmp_path / "text").read_bytes()[: 64 << 10]
    assert 0.2 < len(zlib.compress(content)) / len(content) < 0.6


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_an_xfs_with_reflink_is_there_only_for_its_time(tmp_path: Path):
    with places.xfs_with_reflink(tmp_path, 32 * MIB) as mounted:
        assert places.file_system(mounted) == "xfs"
        assert places.can_clone(mounted)
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


# ---------------------------------------------------------------- foreign formats, and the sandbox


@pytest.mark.parametrize("form", kept.FORMS)
def test_a_disk_in_another_format_is_the_same_disk(tmp_path: Path, form: str):
    raw, copy = tmp_path / "source.raw", tmp_path / "copy.raw"
    disks.speckled(raw, MIB)
    copy.write_bytes(raw.read_bytes())
    source = kept.FORMS[form].source(raw)
    assert [path.name for path in tmp_path.iterdir() if path != copy] == [source.name]
    assert kept.virtual_bytes(source, kept.FORMS[form].format) in range(MIB, MIB + (1 << 18))
    assert gate.compare(source, kept.FORMS[form].format, copy, "raw") == ""


@pytest.mark.parametrize("name", ["ova", "vhd"])
def test_every_peer_reads_a_foreign_format_right(tmp_path: Path, name: str):
    workload = dataclasses.replace(WORKLOADS[name], make=disks.speckled)
    source = make_source(workload, tmp_path, MIB)
    others = peers("raw", workload.source_format)
    done = run_case(Case(workload, "raw", source, tuple(others)), Settings(1, 20), lambda _: None)
    assert done.failures == []
    assert all(entry.counts for entry in done.results)
    assert not any(str(tmp_path) in word for entry in done.results for word in entry.command)


def test_an_imgtool_that_reads_no_ova_is_noticed(tmp_path: Path):
    assert not takes_ova(Path("/bin/false"), tmp_path / "disk.ova")


def test_the_sandbox_costs_something(tmp_path: Path):
    measured = startup.confinement(IMGTOOL, times=5)
    assert [len(taken) for taken in dataclasses.astuple(measured)] == [5, 5, startup.CONFINED_PROCESSES]
    assert all(0 < seconds < 5 for taken in dataclasses.astuple(measured) for seconds in taken)
    report = Report({}, {}, confinement=measured)
    model.dump(report, tmp_path / "bench.json")
    assert model.load(tmp_path / "bench.json") == report
    with pytest.raises(RuntimeError, match="which Python"):
        startup.confinement(Path("/bin/true"))


# ---------------------------------------------------------------- the whole of it


def test_a_tiny_run_through_everything(tmp_path: Path):
    work, results = tmp_path / "work", tmp_path / "results"
    work.mkdir()
    done = bench(
        "--size=1",
        "--rounds=2",
        "--only=half-zeros",
        "--imgtool",
        IMGTOOL,
        "--dir",
        work,
        "--results",
        results,
    )
    assert done.returncode == 0, done.stderr
    assert list(work.iterdir()) == []
    assert "half-zeros -> raw  (" in done.stdout
    assert "imgtool / " in done.stdout
    assert "this run had 1 MiB, 2 rounds, warm page cache" in done.stdout
    content = json.loads((results / "bench.json").read_text())
    assert [entry["task"] for entry in content["cases"]] == ["qcow2", "raw"]
    for measured in content["cases"]:
        assert {"imgtool", "qemu-img", "qemu-img -m 16 -W"} <= {r["name"] for r in measured["results"]}
        assert all(len(r["samples"]) == 2 and r["wall"]["low"] > 0 for r in measured["results"])
        assert measured["best_peer"]
    assert {"cpu", "cores", "memory", "kernel", "file system", "qemu-img", "date"} <= set(content["machine"])
    check_again(results)


def check_again(results: Path):
    """An earlier run can be shown without measuring, and is the same."""
    report = model.load(results / "bench.json")
    model.dump(report, results / "again.json")
    assert (results / "again.json").read_bytes() == (results / "bench.json").read_bytes()
    markdown = bench("--from", results / "bench.json", "--markdown")
    assert markdown.returncode == 0, markdown.stderr
    assert markdown.stdout.count("| half-zeros: ") == 2
    assert report.machine["cpu"] in markdown.stdout
    assert (results / "bench.svg").read_text() == chart.svg(report)


def test_the_list_names_workloads_and_peers():
    done = bench("--list")
    assert done.returncode == 0, done.stderr
    assert all(f"{name} " in done.stdout for name in [*WORKLOADS, "start-up"])
    assert "qemu-img -c -m 16 -W" in done.stdout


@pytest.mark.parametrize("arguments", [["--only=nonsense"], ["--rounds=0"], ["extra"], ["--formats=x"]])
def test_what_makes_no_sense_is_refused(arguments: list[str]):
    assert bench(*arguments).returncode == 2


def test_a_missing_imgtool_is_named():
    done = bench("--imgtool=/no/such/imgtool", "--only=empty")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no imgtool was found" in done.stderr
