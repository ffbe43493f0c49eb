"""scripts/bench-delivery: the figures are right, and no delivery that went wrong gets one."""

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bench import measure, model, places
from bench.cli import CACHE
from bench.model import CaseResult, Report, Result, Sample
from bench_delivery import bars, cli, tables
from bench_delivery.cases import DELIVERIES, Delivery
from bench_delivery.client import ready_client
from bench_delivery.cloud import CLOUD, Cloud, environment
from bench_delivery.gate import NAME
from bench_delivery.rounds import Settings, run_case, together
from bench_delivery.run import SERVER
from bench_delivery.ways import JUDGED, PLAIN, RAW_PEER, Way, peers
from bench_delivery.wire import BURST_SECONDS, Wire
from support.cloud import Devcloud
from virtual_environment import pinned

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/bench-delivery"
IMGTOOL = Path(sys.executable).with_name("imgtool")
MIB = 1 << 20


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)


def result(name: str, *seconds: float, ours: bool = False, **more: object) -> Result:
    samples = tuple(Sample(s, s / 2, s / 4, 50 * MIB, file_size_bytes=8 * MIB) for s in seconds)
    return Result(name, ours, (name,), samples, **more)  # type: ignore[arg-type]  # by name, as the test says


def case(*results: Result, name: str = "compressed") -> CaseResult:
    delivery = DELIVERIES[name]
    return CaseResult(delivery.workload, delivery.task, "some disk", "ext4", 16 * MIB, 8 * MIB, results)


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("bar", "value", "word"),
    [
        (bars.Bar("compressed", "time", 0.25), 0.25, "met"),
        (bars.Bar("compressed", "time", 0.24), 0.25, "NOT MET"),
        (bars.Bar("compressed", "time", 0.24, "slow peer"), 0.2, "met"),
        (bars.Bar("compressed", "time", 0.25, "no such peer"), None, "not measured"),
        (bars.Bar("compressed", "KiB written", 3), 4.0, "NOT MET"),
        (bars.Bar("compressed", "peak MiB", 50), 50.0, "met"),
        (bars.Bar("raw", "KiB written", 0), None, "not measured"),
    ],
)
def test_a_bar_is_judged(bar: bars.Bar, value: float | None, word: str):
    wrong = result("quick and wrong", 0.1, failure="the image is queued, and raw")
    ours = result(JUDGED, 1, 1, 9, ours=True, written_bytes=4096)
    (verdict,) = bars.judge([case(ours, wrong, result("peer", 4), result("slow peer", 5))], [bar])
    assert (verdict.value, verdict.word) == (value, word)


def test_every_bar_is_about_something_that_is_measured():
    assert {bar.case for bar in bars.BARS} <= set(DELIVERIES)
    assert PLAIN in [way.name for way in peers("qcow2 zlib", Path("openstack"))]


def test_commands_one_after_the_other_count_as_one():
    both = together([Sample(1, 2, 3, 40), Sample(10, 20, 30, 4)], sent_bytes=5)
    assert both == Sample(11, 22, 33, 40, file_size_bytes=5)


def test_bytes_written_are_those_of_files_that_are_gone_already_and_of_children(tmp_path: Path):
    command = "head -c 1000000 /dev/zero > one; sh -c 'head -c 500000 /dev/zero > two'; rm one two"
    ended = measure.run(["sh", "-c", f"cd {tmp_path}; {command}"], None, 10)
    pages = -(-1_000_000 // 4096) + -(-500_000 // 4096)
    assert ended.failure == ""
    if places.file_system(tmp_path) == "tmpfs":  # as its documentation says: nothing of that is seen
        assert ended.written_bytes == 0
    else:
        assert pages * 4096 <= ended.written_bytes <= (pages + 16) * 4096
    assert measure.run(["true"], None, 10).written_bytes == 0


def test_a_row_has_throughput_by_bytes_sent_and_a_small_write_is_not_rounded_away():
    measured = case(result(JUDGED, 0.5, ours=True, written_bytes=4096), result("peer", 1.0))
    lines = tables.case_table(DELIVERIES["compressed"], measured).splitlines()
    assert lines[2].split()[2:] == ["0.50", "0.50", "0.50", "0.38", "50", "0.00391", "8.0", "-", "16", "0.50"]
    assert lines[-1] == "imgtool / peer: 0.50, 2.0 times as fast; 0.50 of its CPU time"


def test_a_loss_is_called_a_loss_and_bold():
    measured = case(result(JUDGED, 3, ours=True), result("peer", 2))
    table = tables.case_table(DELIVERIES["compressed"], measured)
    assert "1.50, a LOSS: takes 1.5 times as long" in table
    machine = dict.fromkeys(
        ["cpu", "cores", "memory", "system", "kernel", "date", "qemu-img", "openstackclient", "glance"], "x"
    ) | {"file system": "ext4"}
    shown = tables.markdown(Report(machine, {"rounds": 1}, (measured,)))
    assert shown.splitlines()[-1].endswith("| `peer` | **1.50** |")


# ---------------------------------------------------------------- peers


def test_the_client_is_pinned_and_measured_with_the_sdk_of_the_cloud():
    ours = ROOT / "scripts/lib/bench_delivery/requirements.txt"
    assert pinned(ours, "openstacksdk") == pinned(SERVER, "openstacksdk")
    assert pinned(ours, "python-openstackclient")


def test_a_raw_file_is_not_converted_first_and_a_qcow2_is():
    client = Path("openstack")
    assert [way.name for way in peers("raw", client)] == ["openstack"]
    assert [way.name for way in peers("qcow2 zlib", client)] == [
        "qemu-img -c + openstack",
        "qemu-img -c -m 16 -W + openstack",
    ]


def test_no_cloud_in_earnest_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("OS_CLOUD", "production")
    found = environment(Cloud(tmp_path), tmp_path / "tmp", tmp_path / "state")
    assert [name for name in found if name.startswith("OS_")] == ["OS_CLIENT_CONFIG_FILE"]
    assert found["TMPDIR"] == str(tmp_path / "tmp")


# ---------------------------------------------------------------- the gate


def test_a_delivery_that_went_wrong_has_no_time_and_leaves_nothing(devcloud: Devcloud, tmp_path: Path):
    source, other = tmp_path / "source.raw", tmp_path / "other.raw"
    source.write_bytes(b"\1" * MIB)
    other.write_bytes(b"\2" * MIB)
    client = ready_client(CACHE.parent)
    create = [str(client), "--os-cloud", CLOUD, "image", "create", "--container-format", "bare"]
    raw = [*create, "--disk-format", "raw", NAME]
    ways = {
        "good": [[*raw, "--file", str(source)]],
        "other disk": [[*raw, "--file", str(other)]],
        "twice": [[*raw, "--file", str(source)]] * 2,
        "no bytes": [raw],
        "other format": [[*create, "--disk-format", "iso", "--file", str(source), NAME]],
        "nothing": [["true"]],
        "fails": [["false"], [*raw, "--file", str(source)]],
        "leaves a file": [["sh", "-c", "touch $TMPDIR/it"]],
    }
    entrants = [
        Way(name, lambda _, steps=steps: steps, ours=name in {"good", "leaves a file"})  # type: ignore[misc]  # each its own steps
        for name, steps in ways.items()
    ]
    cloud = Cloud(devcloud.clouds_yaml.parent)
    settings = Settings(cloud, 1, 60, tmp_path / "memory")
    done = run_case(Delivery("it", "it", "raw", "a disk"), source, entrants, settings, lambda _: None)
    good, *bad = done.results
    assert good.failure == ""
    assert [sample.file_size_bytes for sample in good.samples] == [MIB]
    assert not any(entry.samples or entry.counts for entry in bad)
    reasons = {entry.name: entry.failure for entry in bad}
    assert reasons["other disk"].startswith("qemu-img compare: status 1: Content mismatch at offset 0")
    assert reasons["twice"] == "Glance has 2 images of the name instead of one"
    assert reasons["no bytes"] == "0 bytes instead of 1048576"  # the client reads stdin, which is empty
    assert reasons["other format"].startswith("status 1: HttpException: 415")
    assert reasons["nothing"] == "Glance has 0 images of the name instead of one"
    assert reasons["fails"].startswith("status 1")
    assert reasons["leaves a file"] == "left a temporary file"
    assert cloud.named(NAME) == []
    assert cli.status(Report({}, {}, (done,)), enforce=False) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"source.raw", "other.raw", "memory", "state"}


# ---------------------------------------------------------------- the whole of it


@pytest.fixture(scope="module")
def small_golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small guest that imgtool's checks let pass."""
    packed, image = ROOT / "fixtures/ext4-gpt.raw.zst", tmp_path_factory.mktemp("golden") / "golden.raw"
    subprocess.run(["zstd", "-dq", "--sparse", packed, "-o", image], check=True)
    return image


@pytest.mark.series(0)
def test_a_tiny_run_through_everything(tmp_path: Path, small_golden: Path):
    """What arrives in Ceph is cloned, and compared, by the run itself."""
    work, results = tmp_path / "work", tmp_path / "results"
    work.mkdir()
    cases = ["--only=compressed", "--only=raw", "--only=large-qcow2", "--only=ceph"]
    places_of = ["--image", small_golden, "--imgtool", IMGTOOL, "--dir", work, "--results", results]
    done = bench("--rounds=1", "--large-gib=1", *cases, *places_of)
    assert done.returncode == 0, done.stderr
    assert list(work.iterdir()) == []
    assert "imgtool / qemu-img -c" in done.stdout
    assert "ceph: wire / qemu-img + openstack" in done.stdout
    assert "this run had golden.raw and 1 GiB" in done.stdout
    report = model.load(results / "delivery.json")
    assert [(entry.workload, entry.task, len(entry.results)) for entry in report.cases] == [
        ("golden", "qcow2 zlib", 3),
        ("golden", "raw", 2),
        ("large", "qcow2", 1),
        ("golden in Ceph", "raw", 3),
    ]
    assert all(entry.counts for measured in report.cases for entry in measured.results)
    assert report.cases[2].virtual_bytes == 1 << 30
    assert {"cpu", "kernel", "qemu-img", "openstackclient", "glance", "load"} <= set(report.machine)
    check_ceph(report.cases[3])
    check_again(results, report)


def check_ceph(measured: CaseResult):
    assert [entry.name for entry in measured.results] == [JUDGED, "imgtool prepare -O raw", RAW_PEER]
    ours, *others = measured.results
    assert 0 < ours.wire_bytes < measured.allocated_bytes
    assert all(0 < other.wire_bytes - measured.virtual_bytes < MIB for other in others)


def check_again(results: Path, report: Report):
    """An earlier run can be shown without measuring, and no path of this machine is in it."""
    content = (results / "delivery.json").read_text()
    assert str(ROOT) not in content
    assert str(results.parent) not in content
    assert json.loads(content)["cases"][0]["best_peer"]
    markdown = bench("--from", results / "delivery.json", "--markdown")
    assert markdown.returncode == 0, markdown.stderr
    assert markdown.stdout.count("| qcow2 zlib: converted, then sent |") == 1
    assert "| qcow2: 1 GiB, a large sparse disk" in markdown.stdout
    assert "| a raw image in Ceph that can be cloned |" in markdown.stdout
    assert report.machine["cpu"] in markdown.stdout


@pytest.mark.parametrize("arguments", [["--only=nonsense"], ["--rounds=0"], ["extra"]])
def test_what_makes_no_sense_is_refused(arguments: list[str]):
    assert bench(*arguments).returncode == 2


def test_a_missing_imgtool_is_named():
    done = bench("--imgtool=/no/such/imgtool")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no imgtool was found" in done.stderr


def test_a_wire_passes_on_all_of_it_and_no_faster_than_it_is_told():
    sent = b"x" * (1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(2) as aside:
        wire = Wire(server.getsockname()[:2], megabits=40)
        aside.submit(wire.serve)
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", urlsplit(wire.address).port)) as client:
            peer, _ = server.accept()
            aside.submit(lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
            with peer, peer.makefile("rb") as arrived:
                assert arrived.read() == sent
        wire.close()
    assert time.monotonic() - started > len(sent) / (40 * 125_000) - BURST_SECONDS
    assert wire.take_count() == len(sent)
