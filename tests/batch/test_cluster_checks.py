import pytest

from imgtool.batch import cluster_checks
from imgtool.errors import UsageError


@pytest.mark.parametrize(
    "address", ["tls://workers.example:8786", "tcp://127.0.0.1:8786", "127.0.0.1:8786", "localhost:8786", "tcp://[::1]:1"]
)  # fmt: skip
def test_encrypted_or_on_this_machine(address: str) -> None:
    cluster_checks.check_address(address)


@pytest.mark.parametrize(
    "address", ["tcp://workers.example:8786", "10.0.0.1:8786", "ws://127.0.0.1:1", "inproc://x", "", "tcp://"]
)
def test_nothing_that_others_could_listen_to(address: str) -> None:
    with pytest.raises(UsageError, match="neither TLS nor this machine"):
        cluster_checks.check_address(address)
