"""The program that a batch forks its children from."""

import importlib

import pytest

from imgtool.cli.batch_worker import ALSO_NEEDED


@pytest.mark.parametrize("name", ALSO_NEEDED)
def test_what_it_loads_beforehand_is_there(name: str) -> None:
    """Or no batch could start a process."""
    importlib.import_module(name)
