"""Pieces of the conversation with a sandbox: a kind (one byte), a length (four), and so many bytes."""

import os
import socket
import struct
import time
from dataclasses import dataclass

from imgtool.errors import (
    FormatMismatchError,
    ImageUnreadableError,
    ImgtoolError,
    ToolMissingError,
    UnsafeImageError,
)
from imgtool.util.memory import is_out_of_memory

QUESTION, CODE = b"Q", b"C"
"""To the sandbox: what it is to find out; a module that it asked for."""
ANSWER, FAILURE, MODULE = b"A", b"F", b"M"
"""From the sandbox: the answer; why there is none; the name of a module that it needs."""

MAX_FROM_BOX_BYTES = 16 << 20
"""The facts of a guest take 20 to 100 KiB; those of one with 10,000 files to tell of some MiB."""
MAX_WORD_BYTES = 64 << 10
"""Of all that is no answer: a name, a message."""
MAX_MESSAGE_CHARACTERS = 2000
"""Of the message of an expected error, and of its hint; each takes 12 bytes at most in JSON."""
_HEAD = struct.Struct(">cI")

EXPECTED: dict[str, type[ImgtoolError]] = {
    kind.code: kind
    for kind in (ImageUnreadableError, UnsafeImageError, FormatMismatchError, ToolMissingError)
}
"""The errors that a job may raise for its image; anything else that it raises is a failure of the sandbox."""
OUT_OF_MEMORY = "out-of-memory"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer."""

    code: str
    """Of the error (EXPECTED), or OUT_OF_MEMORY; empty for any other."""
    message: str
    hint: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What to tell of `error`."""
        if is_out_of_memory(error):
            return cls(OUT_OF_MEMORY, "it needs more memory than it may have", "")
        if isinstance(error, ImgtoolError) and EXPECTED.get(error.code) is type(error):
            most = MAX_MESSAGE_CHARACTERS
            return cls(error.code, error.message[:most], error.hint[:most])
        return cls("", f"{type(error).__name__}: {error}"[:500], "")


class ClosedError(Exception):
    """The other side has ended."""


class TooLargeError(Exception):
    """A frame is larger than `most_bytes`, which it may have."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.most_bytes = most_bytes


def send(channel: socket.socket, kind: bytes, content: bytes, deadline: float) -> None:
    """imgtool's side. Raises TimeoutError at `deadline` (time.monotonic), ClosedError."""
    channel.settimeout(_left(deadline))
    try:
        channel.sendall(_HEAD.pack(kind, len(content)) + content)
    except (BrokenPipeError, ConnectionError):
        raise ClosedError from None


def receive(channel: socket.socket, deadline: float) -> tuple[bytes, bytes]:
    """imgtool's side: kind and content. Raises TimeoutError, ClosedError, TooLargeError."""
    kind, length = _HEAD.unpack(_take(channel, _HEAD.size, deadline))
    most = MAX_FROM_BOX_BYTES if kind == ANSWER else MAX_WORD_BYTES
    if length > most:
        raise TooLargeError(most)
    return kind, _take(channel, length, deadline)


def _take(channel: socket.socket, length: int, deadline: float) -> bytes:
    content = bytearray()
    while len(content) < length:
        channel.settimeout(_left(deadline))
        try:
            chunk = channel.recv(min(length - len(content), 1 << 20))
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise ClosedError
        content += chunk
    return bytes(content)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def write(descriptor: int, kind: bytes, content: bytes) -> None:
    """The sandbox's side: plain write(2), since it may not call what sockets have."""
    rest = memoryview(_HEAD.pack(kind, len(content)) + content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read(descriptor: int) -> tuple[bytes, bytes]:
    """The sandbox's side: kind and content. Raises ClosedError."""
    kind, length = _HEAD.unpack(_read(descriptor, _HEAD.size))
    return kind, _read(descriptor, length)


def _read(descriptor: int, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        chunk = os.read(descriptor, min(length - len(content), 1 << 20))
        if not chunk:
            raise ClosedError
        content += chunk
    return bytes(content)
