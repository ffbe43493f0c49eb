"""Whether the cloud answers: an ordinary member logs in and lists images; and Nova, if it has one, is up."""

import json
import urllib.request
from typing import Any

from devcloud.errors import DevcloudError
from devcloud.settings import Settings

STEP_SECONDS = 60.0
NOVA_SERVICES = {"nova-conductor", "nova-scheduler", "nova-compute"}
# Loopback: whatever proxy the caller uses has no business here.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def first_requests(settings: Settings, timeout_seconds: float) -> None:
    """Returns once both services have served; before that, requests wait in the ports' queues."""
    token = _token(settings, "member", "demo", timeout_seconds)
    _send(f"{settings.glance_url}/v2/images", timeout_seconds, token=token)


def nova_is_up(settings: Settings) -> bool:
    """Whether a server would be scheduled now: three services are up, and Placement knows what the host has.

    Raises DevcloudError where one of them does not answer.
    """
    token = _token(settings, "admin", "admin", STEP_SECONDS)
    compute, placement = (settings.endpoints[name] for name in ("compute", "placement"))
    found = json.loads(_send(f"{compute}/os-services", STEP_SECONDS, token=token)[1])["services"]
    up = {service["binary"] for service in found if service["state"] == "up"}
    if not up >= NOVA_SERVICES:
        return False
    providers = json.loads(_send(f"{placement}/resource_providers", STEP_SECONDS, token=token)[1])
    return any(_has_inventory(placement, provider, token) for provider in providers["resource_providers"])


def _has_inventory(placement: str, provider: dict[str, Any], token: str) -> bool:
    url = f"{placement}/resource_providers/{provider['uuid']}/inventories"
    return bool(json.loads(_send(url, STEP_SECONDS, token=token)[1])["inventories"])


def _token(settings: Settings, user: str, project: str, timeout_seconds: float) -> str:
    url = f"{settings.keystone_url}/auth/tokens"
    return _send(url, timeout_seconds, body=_credentials(settings, user, project))[0]


def _send(url: str, timeout_seconds: float, *, body: object = None, token: str = "") -> tuple[str, bytes]:
    """The token and the body of the answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    try:
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - a URL made here, on loopback
        with _OPENER.open(request, timeout=timeout_seconds) as response:
            return str(response.headers.get("X-Subject-Token", "")), response.read()
    except OSError as error:
        raise DevcloudError(f"{url} does not answer as it should: {error}") from error


def _credentials(settings: Settings, user: str, project: str) -> dict[str, Any]:
    domain = {"id": "default"}
    who = {"name": user, "password": settings.passwords[user], "domain": domain}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": {"project": {"name": project, "domain": domain}},
        }
    }
