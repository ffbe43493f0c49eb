"""One function per kind of fault; each says whether the client's connection can go on."""

import select
import threading
from collections.abc import Callable

from support.faults.answers import answer
from support.faults.exchange import Exchange
from support.faults.model import Fault, Kind
from support.faults.wire import GoneError

Action = Callable[[Exchange, Fault, threading.Event], bool]

_LOOK_MILLISECONDS = 20
_PLAIN_LENGTHS = ("content-length", "transfer-encoding", "x-openstack-image-size")


def pass_on(exchange: Exchange) -> bool:
    """No fault: every byte as it came, both ways."""
    exchange.open()
    exchange.forward()
    return exchange.relay()


def _share(exchange: Exchange, fault: Fault) -> int:
    """How many bytes of the body `fault.at` is; where a part is meant, neither none nor all."""
    total = exchange.total_bytes
    if fault.at in {0, 1} or total < 2:
        return round(total * fault.at)
    return min(max(round(total * fault.at), 1), total - 1)


def _reset(exchange: Exchange, fault: Fault, _released: threading.Event) -> bool:
    if exchange.total_bytes or fault.at == 1:
        exchange.open()
        exchange.forward(_share(exchange, fault))
    if fault.at == 1:
        exchange.whole_answer()
    exchange.client.reset()
    return False


def _unanswered(exchange: Exchange, _fault: Fault, _released: threading.Event) -> bool:
    exchange.open()
    exchange.forward()
    exchange.client.reset()
    exchange.whole_answer()  # not hung up on: that would be a client that died
    return False


def _stall(exchange: Exchange, fault: Fault, released: threading.Event) -> bool:
    exchange.open()
    exchange.forward(_share(exchange, fault))
    poll = select.poll()
    poll.register(exchange.client.sock, select.POLLRDHUP)  # seen also behind bytes that nobody reads
    while not released.is_set():
        if poll.poll(_LOOK_MILLISECONDS):
            exchange.client.close()
            return False
    exchange.forward()
    return exchange.relay()


def _status(exchange: Exchange, fault: Fault, _released: threading.Event) -> bool:
    if fault.when != "before":
        exchange.open()
        exchange.forward(_share(exchange, fault) if fault.when == "during" else None)
    if fault.when == "instead":
        exchange.whole_answer()
    exchange.close()
    return exchange.tell(fault.status, answer(fault.status))


def _truncate(exchange: Exchange, fault: Fault, _released: threading.Event) -> bool:
    """The chunks are ended cleanly: Glance cannot know that more was to come."""
    head = exchange.request.without(*_PLAIN_LENGTHS).with_header("Transfer-Encoding", "chunked")
    exchange.open(head)
    for piece in exchange.pieces(_share(exchange, fault)):
        if piece.data:
            exchange.glance.send(b"%x\r\n%b\r\n" % (len(piece.data), piece.data))
            exchange.seen.forwarded_bytes += len(piece.data)
    exchange.glance.send(b"0\r\n\r\n")
    exchange.drain()
    return exchange.relay()


def _flip(exchange: Exchange, fault: Fault, _released: threading.Event) -> bool:
    exchange.open()
    exchange.forward(max(_share(exchange, fault) - 1, 0))
    exchange.forward(exchange.seen.forwarded_bytes + 1, lambda data: bytes([data[0] ^ 0xFF]))
    exchange.forward()
    return exchange.relay()


def _cut(exchange: Exchange, fault: Fault, _released: threading.Event) -> bool:
    exchange.open()
    exchange.forward()
    whole = exchange.whole_answer()
    exchange.client.send(whole[: min(max(round(len(whole) * fault.at), 1), len(whole) - 1)])
    exchange.client.close()
    return False


_ACTIONS: dict[Kind, Action] = {
    "reset": _reset,
    "unanswered": _unanswered,
    "stall": _stall,
    "status": _status,
    "truncate": _truncate,
    "flip": _flip,
    "cut": _cut,
}


def carry(exchange: Exchange, fault: Fault | None, released: threading.Event) -> bool:
    """The request with its fault, if there is one. Whether the client's connection can go on."""
    try:
        return pass_on(exchange) if fault is None else _ACTIONS[fault.kind](exchange, fault, released)
    except GoneError:
        exchange.client.reset()  # as Glance or the client did
        return False
    finally:
        exchange.close()
