"""Batches over three workers of dask.distributed: the same result, whoever is killed on the way."""

import importlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster_demo.processes import Cluster
from support.cli import IMGTOOL, imgtool
from support.cloud import Devcloud
from support.clusters import Start, family, forked, three_workers, workers_of
from support.fixtures import fixture_path
from support.glance_client import images_named, images_that_begin_with
from support.images import convert, qemu_img
from support.processes import half_written, processes_in

from imgtool.batch.status import read_status

MINUTE = 60.0
LARGE = ("large-0", "large-1", "large-2")
EXPECTED = {
    "ext4-gpt": "done", "xfs-gpt": "done", "lvm-xfs": "done", "opensuse-leap-15.6": "done", "sparse": "done",
    "bare-ext4": "check-failed", "data-disk": "check-failed", "text": "refused", "empty": "refused",
    **dict.fromkeys(LARGE, "done"),
}  # fmt: skip
UPLOADED = sorted(set(EXPECTED) - set(LARGE) - {"bare-ext4", "data-disk", "text", "empty"})


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images: small ones to upload, and three that take some time to convert."""
    folder = tmp_path_factory.mktemp("src")
    for name in ("ext4-gpt", "lvm-xfs", "bare-ext4", "data-disk", "opensuse-leap-15.6"):
        qemu_img("convert", "-f", "raw", "-O", "raw", fixture_path(name), folder / f"{name}.raw")
    convert(fixture_path("xfs-gpt"), folder / "xfs-gpt.qcow2", "raw", "qcow2")
    qemu_img("convert", "-f", "raw", "-O", "raw", fixture_path("xfs-gpt"), folder / "sparse.raw")
    os.truncate(folder / "sparse.raw", 2 << 30)
    (folder / "text.raw").write_text("no disk\n" * 100)
    (folder / "empty.raw").touch()
    for name in LARGE:
        (folder / f"{name}.raw").write_bytes(os.urandom(32 << 20))
    return folder


@dataclass(frozen=True)
class Place:
    """One batch of them."""

    folder: Path
    sources: Path
    prefix: str

    @property
    def manifest(self) -> Path:
        return self.folder / "m.yaml"

    @property
    def journal(self) -> Path:
        return self.folder / "m.yaml.journal"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def named(self, stem: str) -> str:
        return f"{self.prefix} {stem}"

    def half_made(self) -> bool:
        return half_written(self.out)

    def assert_tidy(self) -> None:
        assert processes_in(self.folder) == []
        assert list((self.folder / "tmp").iterdir()) == []
        assert [
            path.name for path in self.folder.rglob("*") if path.name.startswith(".") or ".work" in path.name
        ] == []

    def assert_the_result(self, done: subprocess.CompletedProcess[str]) -> None:
        """That of one machine: all ended as they should, and what is good is there exactly once."""
        assert done.returncode == 7, done.stderr
        found = outcomes(done, self)
        states = {stem: "done" if one["state"] == "skipped" else one["state"] for stem, one in found.items()}
        assert states == EXPECTED, [found[stem] for stem in EXPECTED if states[stem] != EXPECTED[stem]]
        images = images_that_begin_with(self.prefix)
        assert Counter(one["name"] for one in images) == {self.named(stem): 1 for stem in UPLOADED}
        assert {one["status"] for one in images} == {"active"}
        for stem in LARGE:
            pair = self.sources / f"{stem}.raw", self.out / f"{stem}.qcow2"
            assert "identical" in qemu_img("compare", "-f", "raw", "-F", "qcow2", *pair)
        assert len(list(self.out.iterdir())) == len(LARGE)
        self.assert_tidy()


@pytest.fixture
def make_place(
    tmp_path: Path, sources: Path, devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Place]:
    def make(name: str) -> Place:
        folder = tmp_path / name
        for one in (folder, folder / "out", folder / "tmp"):
            one.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
        made = Place(folder, sources, f"cluster {os.getpid()} {tmp_path.name} {name}")
        large = {"source": f"{sources}/large-*.raw", "clouds": [], "compression": "zlib", "output": "out/"}
        small = [f"{sources}/{stem}.*" for stem in sorted(set(EXPECTED) - set(LARGE))]
        defaults = {"clouds": ["devcloud-member"], "name": f"{made.prefix} {{stem}}"}
        images = [{**large, "name": "{stem}"}, *small]
        made.manifest.write_text(json.dumps({"defaults": defaults, "images": images}))
        return made

    return make


@pytest.fixture
def place(make_place: Callable[[str], Place]) -> Place:
    return make_place("batch")


def outcomes(done: subprocess.CompletedProcess[str], place: Place) -> dict[str, dict[str, Any]]:
    """By the source's stem."""
    assert "Traceback" not in done.stderr
    return {one["name"].removeprefix(f"{place.prefix} "): one for one in json.loads(done.stdout)["images"]}


def run(place: Place, *options: str) -> subprocess.CompletedProcess[str]:
    return imgtool("batch", place.manifest, "--output", "json", *options)


def start(place: Place, cluster: Cluster) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [IMGTOOL, "batch", place.manifest, "--output", "json", "--scheduler", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(batch: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    output, log = batch.communicate(timeout=2 * MINUTE)
    return subprocess.CompletedProcess(batch.args, batch.returncode, output, log)


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + MINUTE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_three_workers_make_what_one_machine_makes(
    make_place: Callable[[str], Place], start_cluster: Start
) -> None:
    alone, spread = make_place("alone"), make_place("spread")
    here = run(alone)
    alone.assert_the_result(here)
    cluster = three_workers(start_cluster())
    there = run(spread, "--scheduler", cluster.address)
    spread.assert_the_result(there)
    first, second = outcomes(here, alone), outcomes(there, spread)
    for stem in EXPECTED:
        assert first[stem].get("error") == second[stem].get("error")
    for stem in UPLOADED:
        one, other = images_named(alone.named(stem))[0], images_named(spread.named(stem))[0]
        assert one["os_hash_value"] == other["os_hash_value"]
    assert set(workers_of(spread.journal).values()) == {"w1", "w2", "w3"}
    again = run(spread, "--scheduler", cluster.address)
    spread.assert_the_result(again)
    assert Counter(one["state"] for one in outcomes(again, spread).values())["skipped"] == len(LARGE) + len(
        UPLOADED
    )


def worker_that(place: Place, stage: str) -> str:
    """The name of a worker that has reached that stage of a task which is not ended yet; else nothing."""
    if not place.journal.exists():
        return ""
    standing = read_status(place.journal)
    running = {record.key for record in standing.records if record.state == "running"}
    found = [key for key, one in standing.stages.items() if key in running and one.stage == stage]
    return workers_of(place.journal).get(found[0], "") if found else ""


@pytest.mark.parametrize("stage", ["convert", "upload"])
def test_a_worker_killed_in_the_middle_loses_nothing(stage: str, place: Place, start_cluster: Start) -> None:
    cluster = three_workers(start_cluster())
    with start(place, cluster) as batch:
        name = wait_for(lambda: worker_that(place, stage))
        victim = cluster.workers[name]
        children = family(victim)
        assert children
        victim.kill()
        victim.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
        done = ended(batch)
    place.assert_the_result(done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_workers_children_end_with_the_batch_and_it_goes_on(
    number: int, place: Place, start_cluster: Start
) -> None:
    cluster = three_workers(start_cluster())
    with start(place, cluster) as batch:
        wait_for(place.half_made)
        batch.send_signal(number)
        done = ended(batch)
    assert done.returncode == (130 if number == signal.SIGINT else -number), done.stderr
    if number == signal.SIGINT:
        assert "Traceback" not in done.stderr
        place.assert_tidy()
    wait_for(lambda: not any(forked(worker) for worker in cluster.workers.values()))
    assert [worker.poll() for worker in cluster.workers.values()] == [None] * 3
    place.assert_the_result(run(place, "--scheduler", cluster.address))


def test_a_worker_that_is_told_to_end_gives_its_image_to_another(place: Place, start_cluster: Start) -> None:
    cluster = three_workers(start_cluster())
    with start(place, cluster) as batch:
        name = wait_for(lambda: worker_that(place, "convert"))
        cluster.workers[name].terminate()
        done = ended(batch)
    place.assert_the_result(done)


def test_without_a_scheduler_it_ends_and_says_so_and_another_goes_on(
    place: Place, start_cluster: Start
) -> None:
    cluster = three_workers(start_cluster())
    with start(place, cluster) as batch:
        wait_for(place.half_made)
        cluster.scheduler.kill()
        done = ended(batch)
    assert done.returncode == 7, done.stderr
    failed = [one for one in outcomes(done, place).values() if one["state"] == "failed"]
    assert {one["error"]["message"] for one in failed} == {"the scheduler is gone"}
    place.assert_tidy()
    place.assert_the_result(run(place, "--scheduler", three_workers(start_cluster()).address))


def test_what_is_sent_has_paths_and_names_and_no_secret(
    place: Place, devcloud: Devcloud, start_cluster: Start
) -> None:
    distributed = importlib.import_module("distributed")
    cluster = three_workers(start_cluster())

    def tasks(dask_scheduler: Any) -> list[bytes]:
        """All that the scheduler has, as they came. A function in a function travels as its code."""
        import pickle  # noqa: PLC0415 - where the scheduler runs it

        return [pickle.dumps(one.run_spec) for one in dask_scheduler.tasks.values() if one.run_spec]

    with start(place, cluster) as batch, distributed.Client(cluster.address, set_as_default=False) as spy:
        wait_for(place.half_made)
        sent = spy.run_on_scheduler(tasks)
        ended(batch)
        told = json.dumps(spy.get_events("imgtool"), default=repr)
    assert len(sent) >= 3
    for text in (*sent, told.encode()):
        assert not [secret for secret in devcloud.secrets if secret.encode() in text]
        assert str(devcloud.clouds_yaml).encode() not in text
    assert all(str(place.sources).encode() in text for text in sent)
    assert max(map(len, sent)) < 8192
