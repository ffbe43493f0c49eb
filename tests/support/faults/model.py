"""Which request is met by which fault, and what was seen of each."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

Kind = Literal["reset", "unanswered", "stall", "status", "truncate", "flip", "cut"]
"""reset: the connection is reset once `at` of the body went on; at 1 Glance has answered, and that is lost.
unanswered: reset when Glance has the whole body, whatever it makes of it.
stall: no byte more is taken after `at` of the body, until the client goes away or the proxy is released.
status: an error of our own, `when` says when. Glance gets no more than what was read until then.
truncate: Glance gets `at` of the body without a length, as an old server that notices nothing.
flip: the byte at `at` of the body is another one.
cut: the connection ends within Glance's answer, `at` of its bytes are passed on."""

When = Literal["before", "during", "instead"]
"""before: without reading the body. during: after `at` of it. instead: of Glance's own answer."""

START_BYTES = 1 << 16

_ID = r"[0-9a-f-]{36}"
_QUERY = r"(\?.*)?"


class Route(Enum):
    """The requests of an upload: method and path, https://docs.openstack.org/api-ref/image/v2/ ."""

    LIST = ("GET", f"/v2/images{_QUERY}")
    CREATE = ("POST", "/v2/images")
    DATA = ("PUT", f"/v2/images/{_ID}/file")
    STAGE = ("PUT", f"/v2/images/{_ID}/stage")
    IMPORT = ("POST", f"/v2/images/{_ID}/import")
    SHOW = ("GET", f"/v2/images/{_ID}")
    TASKS = ("GET", f"/v2/images/{_ID}/tasks{_QUERY}")
    PATCH = ("PATCH", f"/v2/images/{_ID}")
    DELETE = ("DELETE", f"/v2/images/{_ID}")
    ANY = ("[A-Z]+", ".*")

    def matches(self, method: str, target: str) -> bool:
        """The request is one of these."""
        wanted, path = self.value
        return bool(re.fullmatch(wanted, method) and re.fullmatch(path, target))


@dataclass(frozen=True, slots=True)
class Fault:
    """Done to `times` requests of `route`, from the `nth` on; None: to all of them."""

    route: Route
    kind: Kind
    at: float = 1.0
    """Share of the body, 0 to 1."""
    nth: int = 1
    times: int | None = 1
    status: int = 500
    when: When = "before"

    def meets(self, count: int) -> bool:
        """The request is the `count`-th of the route."""
        return count >= self.nth and (self.times is None or count < self.nth + self.times)

    def __str__(self) -> str:
        what = f"{self.status} {self.when}" if self.kind == "status" else self.kind
        often = "" if self.times == 1 else ", each" if self.times is None else f", {self.times} times"
        return f"{what} at {self.at:.0%} of {self.route.name} {self.nth}{often}"


@dataclass(slots=True)
class Seen:
    """One request as it came from the client, and what became of it."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    fault: Fault | None = None
    received_bytes: int = 0
    """Of the body, from the client."""
    forwarded_bytes: int = 0
    """Of the body, to Glance."""
    glance_status: int | None = None
    told_status: int | None = None
    start: bytearray = field(default_factory=bytearray, repr=False)
    """The body's first bytes: all of a small one."""
    _hash: Any = field(default_factory=hashlib.sha512, repr=False)

    START_BYTES = 1 << 16

    def received(self, data: bytes) -> None:
        """Takes note of a part of the body."""
        self.received_bytes += len(data)
        self._hash.update(data)
        self.start += data[: START_BYTES - len(self.start)]

    @property
    def sha512(self) -> str:
        """Of what was received of the body."""
        return str(self._hash.hexdigest())

    @property
    def document(self) -> Any:
        """A small body that is JSON."""
        return json.loads(bytes(self.start))

    def header(self, name: str) -> str | None:
        """The value of the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def is_a(self, route: Route) -> bool:
        """It is a request of `route`."""
        return route.matches(self.method, self.target)
