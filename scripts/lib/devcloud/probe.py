"""Whether the cloud answers: an ordinary member logs in and lists images."""

import json
import urllib.request
from typing import Any

from devcloud.errors import DevcloudError
from devcloud.settings import Settings

# Loopback: whatever proxy the caller uses has no business here.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def first_requests(settings: Settings, timeout_seconds: float) -> None:
    """Returns once both services have served; before that, requests wait in the ports' queues."""
    token = _send(f"{settings.keystone_url}/auth/tokens", timeout_seconds, body=_credentials(settings))
    _send(f"{settings.glance_url}/v2/images", timeout_seconds, token=token)


def _send(url: str, timeout_seconds: float, *, body: object = None, token: str = "") -> str:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    try:
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - a URL made here, on loopback
        with _OPENER.open(request, timeout=timeout_seconds) as response:
            response.read()
            return str(response.headers.get("X-Subject-Token", ""))
    except OSError as error:
        raise DevcloudError(f"{url} does not answer as it should: {error}") from error


def _credentials(settings: Settings) -> dict[str, Any]:
    domain = {"id": "default"}
    user = {"name": "member", "password": settings.passwords["member"], "domain": domain}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "demo", "domain": domain}},
        }
    }
