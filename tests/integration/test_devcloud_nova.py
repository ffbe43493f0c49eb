"""scripts/devcloud --with nova, and `imgtool boot --cloud`: a member starts servers from images of imgtool.

IMGTOOL_NOVA_AGENT=1 makes it wait for the guest's agent too, which sets the password that Nova asks for;
IMGTOOL_NOVA_SIGNALS=20 ends twenty boots by each of three signals, in place of one. IMGTOOL_NOVA_BOOTS=all
boots each image of support/nova_boots.py, IMGTOOL_NOVA_BOOTS=btrfs those with that in their name; without it
two are booted.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import openstack
import pytest
from boot_table.run import Document
from support import nova_boots
from support.boot_sector import disk_with_a_prompt
from support.cli import IMGTOOL, imgtool
from support.cloud import Devcloud, cloud_with
from support.images import create
from support.killed_at import killed_at
from support.nova_boots import NovaRow
from support.processes import processes_with_mounted

MEMBER = "devcloud-member"
START_SECONDS = 1800
"""The first start makes what is cached."""
SERVER_SECONDS = 900
"""To become active, for its kernel's first line, to be gone: an idle machine needs a minute in all."""
SPOILED_SECONDS = 420
"""An agent that is not there is waited for as long."""
LIMIT_SECONDS = 600
"""For the end of a boot whose time is over."""
AGENT_SECONDS = 3600


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    """Ends with nothing left of it."""
    folder = tmp_path_factory.mktemp("nova")
    with cloud_with("nova", folder, patience_seconds=START_SECONDS) as cloud:
        assert processes_with_mounted(folder)
        yield cloud
    assert list(folder.iterdir()) == []
    assert processes_with_mounted(folder) == []


@pytest.fixture
def cloud(running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    running.enter(monkeypatch, tmp_path)
    return openstack.connect(cloud=MEMBER)


def prepared(image: Path) -> str:
    done = imgtool("prepare", image, "-c", "--cloud", MEMBER, "--name", "golden", "--output", "json")
    assert done.returncode == 0, done.stderr
    identifier: str = json.loads(done.stdout)["upload"]["image_id"]
    return identifier


@pytest.fixture
def server(cloud: Any, debian_image: Path) -> Iterator[Any]:
    """An active one, which is gone afterwards."""
    image, network = prepared(debian_image), cloud.network.find_network("flat")
    flavor = cloud.compute.find_flavor("m1.tiny")
    made = cloud.compute.create_server(
        name="one", image_id=image, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    try:
        yield cloud.compute.wait_for_server(made, wait=SERVER_SECONDS)
    finally:
        cloud.compute.delete_server(made)
    cloud.compute.wait_for_delete(made, wait=SERVER_SECONDS)
    assert list(cloud.compute.servers()) == []
    assert list(cloud.network.ports()) == []


def test_a_server_starts_from_a_prepared_image(cloud: Any, server: Any) -> None:
    (address,) = server.addresses["flat"]
    assert address["version"] == 4
    wait_for(lambda: "Linux version" in console(cloud, server), SERVER_SECONDS)
    if os.environ.get("IMGTOOL_NOVA_AGENT"):
        wait_for(lambda: agent_sets_a_password(cloud, server), AGENT_SECONDS)


def console(cloud: Any, server: Any) -> str:
    text: str = cloud.compute.get_server_console_output(server)["output"]
    return text


def agent_sets_a_password(cloud: Any, server: Any) -> bool:
    """Nova refuses it for as long as the agent does not answer."""
    with contextlib.suppress(openstack.exceptions.HttpException):
        cloud.compute.change_server_password(server, "imgtool-tests")
        return True
    return False


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(2)


def boot(image: str, *options: str) -> "subprocess.CompletedProcess[str]":
    words = ("boot", image, "--cloud", MEMBER, "--output", "json", *options)
    return imgtool(*words, timeout=SERVER_SECONDS + LIMIT_SECONDS)


def no_server_is_left(cloud: Any) -> None:
    assert list(cloud.compute.servers()) == []
    assert [one for one in cloud.image.images() if one.name.startswith("imgtool-boot-")] == []
    assert list(Path(os.environ["XDG_STATE_HOME"]).rglob("imgtool-boot-*")) == []


WANTED = os.environ.get("IMGTOOL_NOVA_BOOTS", "")


def booted(row: NovaRow, image: Path, folder: Path) -> tuple[int, Document]:
    """The exit status and the answer of `imgtool boot --cloud`; the image is gone from Glance."""
    identifier = nova_boots.upload(row, image, MEMBER, folder)
    patience = SPOILED_SECONDS if row.spoiled else SERVER_SECONDS
    run = boot(identifier, "--timeout", f"{patience}", "--flavor", "m1.tiny")
    assert run.returncode in {0, 1}, run.stderr
    assert imgtool("retire", identifier, "--cloud", MEMBER).returncode in {0, 2}
    return run.returncode, json.loads(run.stdout)


@pytest.mark.parametrize("row", nova_boots.rows(spoiled=False, wanted=WANTED))
def test_a_throwaway_server_proves_the_image(
    row: NovaRow, cloud: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    image: Path = request.getfixturevalue(row.fixture)
    assert nova_boots.predicted(row, image) == "up"
    status, found = booted(row, image, tmp_path)
    assert (status, found["problem"]) == (0, None)
    assert (found["passed"], found["status"], found["agent_answered"]) == (True, "ACTIVE", True)
    assert found["snapshot"] == "quiesced"
    assert found["cloud_init"]["done"]
    assert found["cloud_init"]["datasource"] in {"DataSourceOpenStackLocal", "DataSourceConfigDrive"}
    assert found["root_grown"] is row.grows, found["unknown"]
    assert [one["stage"] for one in found["stages"]][-1] == "user-space"
    no_server_is_left(cloud)


@pytest.mark.parametrize("row", nova_boots.rows(spoiled=True, wanted=WANTED))
def test_a_spoiled_image_stops_in_nova_where_the_inspection_says(
    row: NovaRow, cloud: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    image: Path = request.getfixturevalue(row.fixture)
    _, found = booted(row, image, tmp_path)
    assert nova_boots.seen(found) == nova_boots.predicted(row, image), found["log"]
    no_server_is_left(cloud)


@pytest.fixture
def empty(cloud: Any, tmp_path: Path) -> str:
    """The id of an image with nothing in it, which Nova starts, and which never comes up."""
    disk = create(tmp_path / "empty.raw", "raw", "1M")
    words = ("--name", "empty", "--on-conflict", "new", "--property", "hw_qemu_guest_agent=yes")
    done = imgtool("upload", disk, "--cloud", MEMBER, "--output", "json", *words)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["upload"]["image_id"])


def test_an_image_that_does_not_come_up_fails_and_its_server_goes(cloud: Any, empty: str) -> None:
    run = boot(empty, "--timeout", "20", "--flavor", "m1.micro", "--network", "none")
    assert run.returncode == 1, run.stderr + run.stdout
    found = json.loads(run.stdout)
    assert found["problem"]
    assert (found["passed"], found["flavor"]) == (False, "m1.micro")
    no_server_is_left(cloud)


def test_prepare_starts_a_server_after_the_upload(cloud: Any, tmp_path: Path) -> None:
    disk = create(tmp_path / "empty.raw", "raw", "2M")
    words = ("--policy", "data", "--name", "booted", "--boot", "cloud", "--boot-timeout", "15")
    run = imgtool("prepare", disk, "--cloud", MEMBER, "--output", "json", *words)
    assert run.returncode == 1, run.stderr + run.stdout
    found = json.loads(run.stdout)
    (server,) = found["cloud_boots"]
    assert (server["image_id"], server["passed"]) == (found["upload"]["image_id"], False)
    (finding,) = [one for one in found["result"]["findings"] if one["check"] == "boots-in-cloud"]
    assert finding["outcome"] == "fail"
    assert server["delete_command"] == f"openstack --os-cloud {MEMBER} image delete {server['image_id']}"
    assert server["delete_command"] in finding["remedy"]
    assert cloud.image.get_image(server["image_id"]).status == "active"
    no_server_is_left(cloud)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["no such image"], 2, "there is no such image in this project"),
        (["EMPTY", "--flavor", "m1.tinny"], 2, "did you mean m1.tiny?"),
        (["EMPTY", "--network", "flatt"], 2, "did you mean flat?"),
        (["EMPTY", "--keypair", "nobody"], 6, "HTTP 400: Invalid key_name provided."),
        (["EMPTY", "--bus", "all"], 2, "--bus is for a boot on this machine"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], status: int, says: str, cloud: Any, empty: str) -> None:
    run = boot(*(empty if word == "EMPTY" else word for word in words))
    assert run.returncode == status, run.stderr
    assert says in run.stderr + run.stdout
    no_server_is_left(cloud)


INTERRUPTED = 130
"""The exit status after ^C and TERM."""
POINTS = [
    ("_until_asked", "after", signal.SIGKILL),
    ("_clean_up", "before", signal.SIGKILL),
    ("_delete", "after", signal.SIGKILL),
    ("_delete", "before", signal.SIGTERM),
]


@pytest.mark.parametrize(("point", "moment", "end"), POINTS)
def test_the_server_of_a_run_that_was_ended_is_deleted_by_it_or_the_next(
    point: str, moment: str, end: signal.Signals, cloud: Any, empty: str
) -> None:
    words = ("boot", empty, "--cloud", MEMBER, "--network", "none", "--timeout", "1")
    ended = killed_at(f"imgtool.compute.boot.{point}", moment, *words, by=end)
    assert ended.returncode == status_after(end), ended.stderr
    if end != signal.SIGKILL:
        no_server_is_left(cloud)
    assert boot(empty, "--network", "none", "--timeout", "1").returncode == 1
    no_server_is_left(cloud)


def status_after(end: signal.Signals) -> int:
    return -end if end == signal.SIGKILL else INTERRUPTED


@pytest.fixture
def prompt(cloud: Any, tmp_path: Path) -> str:
    """The id of an image that is up at once, and of which Nova makes a snapshot."""
    disk = disk_with_a_prompt(tmp_path / "prompt.raw")
    words = ("--name", "prompt", "--on-conflict", "new")
    done = imgtool("upload", disk, "--cloud", MEMBER, "--output", "json", *words)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["upload"]["image_id"])


ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


@pytest.mark.parametrize("end", ENDS, ids=lambda one: one.name)
def test_a_signal_at_any_moment(end: signal.Signals, cloud: Any, prompt: str) -> None:
    """Every other one while Nova makes the snapshot, which takes it some seconds, or right after it.

    A server's disk is made of its image: there are no volumes. Who gets ^C or TERM deletes the server and its
    snapshot before it ends; who gets another signal while it does so, or KILL, leaves that to the next run.
    """
    moments = random.Random(18)
    words = ("boot", prompt, "--cloud", MEMBER, "--network", "none", "--snapshot", "--timeout", "120")
    for number in range(int(os.environ.get("IMGTOOL_NOVA_SIGNALS", "1"))):
        twice = number // 2 % 2 == 1
        with subprocess.Popen([IMGTOOL, *words], stdout=PIPE, stderr=STDOUT, text=True) as process:
            if number % 2 == 0:
                until_it_says("waiting for a snapshot", process)
            time.sleep(moments.uniform(0.5, 8 if number % 2 == 0 else 70))
            process.send_signal(end)
            if twice:
                time.sleep(moments.uniform(0, 5))
                process.send_signal(end)
            said, _ = process.communicate(timeout=SERVER_SECONDS)
        assert process.returncode in {0, INTERRUPTED, -end}, said  # the last one before it could begin
        if end != signal.SIGKILL and not twice:
            no_server_is_left(cloud)
        assert boot(prompt, "--network", "none", "--timeout", "1").returncode == 1
        no_server_is_left(cloud)


def until_it_says(words: str, process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words}: {said}")
