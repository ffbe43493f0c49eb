"""What the tests of fuzzing share."""

from collections.abc import Iterator

import pytest
from fuzz.targets import images


@pytest.fixture(scope="session", autouse=True)
def _folder_of_mutants() -> Iterator[None]:
    """Seeds are made once, and so is the folder that they and their mutants are written to."""
    images.folder()
    yield
    images.clean()
