"""scripts/devcloud --with nova: an ordinary member starts a server from an image that imgtool prepared.

IMGTOOL_NOVA_AGENT=1 makes it wait for the guest's agent too, which sets the password that Nova asks for.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.processes import processes_with_mounted

MEMBER = "devcloud-member"
START_SECONDS = 1800
"""The first start makes what is cached."""
SERVER_SECONDS = 900
"""To become active, for its kernel's first line, to be gone: an idle machine needs a minute in all."""
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
