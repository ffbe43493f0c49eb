"""What became of an image that was to be in further stores of its cloud."""

from dataclasses import dataclass

from imgtool.errors import ImgtoolError


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """Which image is to be where; it stays as it is."""

    image: str
    """Its id, or its name where the project has one image of that name."""
    stores: tuple[str, ...] = ()
    all_stores: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """An image that is in all stores where it was wanted: of the same size and hash as before."""

    cloud: str
    image_id: str
    name: str
    copied: tuple[str, ...]
    """Stores that it was not in before."""
    stores: tuple[str, ...]
    """All that it is in now."""
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CopyFailure:
    """Why an image is not in all stores where it was wanted."""

    cloud: str
    image: str
    """As it was asked for."""
    error: ImgtoolError
