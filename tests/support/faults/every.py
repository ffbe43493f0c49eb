"""Every fault of every request of an upload."""

from support.faults.model import Fault, Route, When

STATUSES = (401, 409, 413, 415, 500, 503)
FINAL = {409, 413, 415}
"""Nothing that passes: the same request would be refused again."""
WHENS: tuple[When, ...] = ("before", "during", "instead")
BYTES = (Route.DATA, Route.STAGE)
"""The requests that carry the image's bytes, by the one and by the other method."""


def of_bytes(route: Route, times: int | None) -> list[Fault]:
    """Every fault of a request that carries the image's bytes."""
    return [
        *(Fault(route, "reset", at=at, times=times) for at in (0, 0.01, 0.5, 0.99, 1)),
        *(
            Fault(route, "status", at=0.5, status=status, when=when, times=times)
            for when in WHENS
            for status in STATUSES
        ),
        *(Fault(route, "truncate", at=at, times=times) for at in (0, 0.5, 0.99)),
        Fault(route, "flip", at=0.7, times=times),
        Fault(route, "unanswered", times=times),
        Fault(route, "stall", at=0.5, times=times),
        Fault(route, "cut", at=0.5, times=times),
    ]


def of_others(times: int | None) -> list[Fault]:
    """Faults of the small requests around them."""
    routes = (Route.LIST, Route.CREATE, Route.SHOW, Route.IMPORT, Route.TASKS)
    return [
        fault
        for route in routes
        for fault in (
            *(Fault(route, "reset", at=at, times=times) for at in (0, 1)),
            *(Fault(route, "status", status=status, times=times) for status in (401, 500, 503)),
            *(Fault(route, "status", status=status, when="instead", times=times) for status in (409, 503)),
            Fault(route, "unanswered", times=times),
            Fault(route, "stall", at=0, times=times),
            Fault(route, "cut", at=0.5, times=times),
        )
    ]
