"""The server itself is tested here: it is a child of the test's own process, as it is imgtool's."""

import pytest


@pytest.fixture(autouse=True)
def _as_in_imgtool(own_server: None) -> None:
    pass
