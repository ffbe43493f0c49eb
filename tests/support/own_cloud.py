"""Fixtures of a module with a cloud of its own; its fixture `parts` says what that cloud has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cloud import Devcloud, cloud_with


@pytest.fixture(scope="module")
def running(parts: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    """The module's cloud, without pointing a test to it."""
    with cloud_with(parts, tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devcloud:
    """The module's cloud, whose clouds are the ones that are found."""
    running.enter(monkeypatch, tmp_path)
    return running
