import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtool.convert.payload import open_payload
from imgtool.errors import CloudError, ImageUnreadableError
from imgtool.formats.gate import admit
from imgtool.glance.body import Body
from imgtool.util.progress import NullProgress

CHUNK_BYTES = 1 << 20
CONTENT = bytes(range(256)) * 20_000


class Counter:
    def __init__(self) -> None:
        self.amounts: list[int] = []

    def advance(self, amount_bytes: int) -> None:
        self.amounts.append(amount_bytes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "image"
    target.write_bytes(CONTENT)
    return target


@pytest.fixture
def meter() -> Counter:
    return Counter()


@pytest.fixture
def body(path: Path, meter: Counter) -> Iterator[Body]:
    with open_payload(admit(path, "raw"), "raw", NullProgress()) as payload:
        yield Body(payload, meter)


def test_it_gives_the_file_counts_and_hashes(body: Body, meter: Counter) -> None:
    assert len(body) == len(CONTENT)
    assert b"".join(body) == CONTENT
    assert sum(meter.amounts) == body.sent_bytes == len(CONTENT)
    assert max(meter.amounts) == CHUNK_BYTES
    assert body.hash_by("sha512") == hashlib.sha512(CONTENT).hexdigest()


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha1", "blake2b"])
def test_another_algorithm_reads_once_more(body: Body, algorithm: str) -> None:
    for _ in body:
        pass
    assert body.hash_by(algorithm) == hashlib.new(algorithm, CONTENT).hexdigest()


@pytest.mark.parametrize("algorithm", ["shake_128", "no-such-hash", ""])
def test_an_algorithm_that_cannot_be_had_is_none(body: Body, algorithm: str) -> None:
    assert body.hash_by(algorithm) is None


def test_it_is_never_sent_twice(body: Body) -> None:
    next(iter(body))
    with pytest.raises(CloudError, match="second time"):
        next(iter(body))


def test_a_file_that_shrinks_is_an_error(path: Path, meter: Counter) -> None:
    with (
        pytest.raises(ImageUnreadableError, match="changed"),
        open_payload(admit(path, "raw"), "raw", NullProgress()) as payload,
    ):
        chunks = iter(Body(payload, meter))
        next(chunks)
        with path.open("r+b") as file:
            file.truncate(CHUNK_BYTES)
        list(chunks)
