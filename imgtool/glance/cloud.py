"""The cloud: one authenticated session with Keystone and Glance.

openstacksdk reads clouds.yaml and the OS_* variables by its own rules, and signs in. Its image helpers are
not used: they verify little, and send a consumed body again when a token expires. It is imported when it
is needed, since that takes half a second.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imgtool.errors import CloudError
from imgtool.glance import retry
from imgtool.glance.answer import MAX_WORDS, Answer, loads, plain_words
from imgtool.glance.configuration import region_of, signing_in
from imgtool.glance.failures import translated, understood
from imgtool.util.redaction import without_credentials
from imgtool.util.text import printable, shell_word

if TYPE_CHECKING:
    from keystoneauth1.session import Session
    from openstack.config.cloud_region import CloudRegion

    from imgtool.glance.body import Body

REQUEST_SECONDS = 60.0
SEND_SECONDS = 900.0
"""How long Glance may take no bytes, or give no answer after the last: a store may have to make room."""
FRESH_SECONDS = 600.0
"""Life that a token must have left before bytes are sent. Glance looks at it when the request begins."""
SERVICE_TYPE = "image"
NOT_FOUND = 404
"""Status of HTTP."""

_NO_RETRY: dict[str, Any] = {
    "connect_retries": 0,
    "status_code_retries": 0,
    "redirect": False,
    "raise_exc": False,
}

_VERSION_SUFFIX = re.compile(r"/v\d+(\.\d+)?/?$")


class Cloud:
    """Requests to Glance in one project; made by `connect`."""

    def __init__(  # noqa: PLR0913 - made in one place only
        self,
        name: str,
        *,
        option: str,
        session: "Session",
        endpoint: str,
        project_id: str,
        timeout_seconds: float,
        address_of: Callable[[str], str | None] = lambda _service: None,
    ) -> None:
        self.name = name
        """How messages call it."""
        self.option = option
        """What the `openstack` client needs to reach the same cloud: `--os-cloud NAME `, or nothing."""
        self.project_id = project_id
        self.endpoint = endpoint
        """Glance's address, without a version."""
        self._session = session
        self.timeout_seconds = timeout_seconds
        """How long Glance may take no bytes, or give no answer."""
        self._address_of = address_of

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One small request to Glance, as `ask` makes it."""
        return self.ask(method, self.endpoint + path, json=json, params=params, headers=headers)

    def ask(
        self,
        method: str,
        address: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One small request to any service; a new token is fetched where the old one has expired.

        Where it can do no harm it is repeated: see retry.py. Raises CloudError.
        """
        seconds = min(REQUEST_SECONDS, self.timeout_seconds)
        options = {"json": json, "params": params, "headers": dict(headers or {}), "timeout": seconds}
        with understood(self.name):
            return retry.patiently(method, lambda: self._ask_at(address, method, **options))

    def send(self, path: str, body: "Body", headers: Mapping[str, str]) -> Answer:
        """Sends an image's bytes by PUT, once: never again after a 401, and never to another address."""
        self._ensure_fresh_token()
        try:
            return self._ask_at(
                self.endpoint + path,
                "PUT",
                data=body,
                headers={"Content-Type": "application/octet-stream", **headers},
                timeout=self.timeout_seconds,
                allow_reauth=False,
            )
        except CloudError as error:
            raise type(error)(
                f"sending the image broke off after {body.sent_bytes} of {len(body)} bytes: {error.message}",
                hint=error.hint,
            ) from error

    @cached_property
    def image_schema(self) -> Mapping[str, Any]:
        """Glance's JSON Schema of an image, with what its operator added; empty where it tells none."""
        document = self.request("GET", "/v2/schemas/image").document
        return document if isinstance(document, dict) else {}

    @cached_property
    def hides(self) -> bool:
        """Glance knows os_hidden, as all do from Rocky on (API 2.7); to an older one it is any property,
        whose value has to be text. One that does not tell what an image has is a new one."""
        known = self.image_schema.get("properties")
        return not isinstance(known, dict) or "os_hidden" in known

    def has_project(self, project_id: str) -> bool | None:
        """Whether Keystone knows the project; None where it does not tell this user. Raises CloudError."""
        auth = self._session.auth
        try:
            with translated(self.name), understood(self.name):
                identity = None if auth is None else auth.get_endpoint(self._session, service_type="identity")
        except CloudError:  # a catalogue without Keystone itself: what matters is asked elsewhere
            return None
        if not identity:
            return None
        keystone = _VERSION_SUFFIX.sub("", str(identity)).rstrip("/")
        answer = self.ask("GET", f"{keystone}/v3/projects/{quote(project_id, safe='')}")
        return True if answer.ok else False if answer.status == NOT_FOUND else None

    def address_of(self, service_type: str) -> str | None:
        """Return the address of another service, without a slash at its end; None where there is none.

        From clouds.yaml or the catalogue. Raises CloudError.
        """
        with translated(self.name), understood(self.name):
            address = self._address_of(service_type)
        return str(address).rstrip("/") if address else None

    def is_admin(self) -> bool:
        """Whether the token has the role `admin`, which services ask for before they tell of all projects."""
        auth = self._session.auth
        if auth is None or not hasattr(auth, "get_access"):
            return False
        with translated(self.name), understood(self.name):
            return "admin" in auth.get_access(self._session).role_names

    def token_seconds(self) -> float | None:
        """How long the token that is in use stays valid; None where that is not told."""
        auth = self._session.auth
        if auth is None or not hasattr(auth, "get_access"):
            return None
        with translated(self.name), understood(self.name):
            ends = auth.get_access(self._session).expires
        return None if ends is None else (ends - datetime.now(UTC)).total_seconds()

    def forget_token(self) -> None:
        """The next request signs in anew: Glance did not accept the token that there is."""
        self._session.invalidate()

    def _ask_at(self, address: str, method: str, **options: Any) -> Answer:
        with translated(self.name):
            response = self._session.request(address, method, **_NO_RETRY, **options)
            return _answer(response, f"{method} {printable(without_credentials(address))}")

    def _ensure_fresh_token(self) -> None:
        """Signs in anew where the token could expire soon."""
        auth = self._session.auth
        with translated(self.name), understood(self.name):
            if auth is not None and hasattr(auth, "get_access"):
                if auth.get_access(self._session).will_expire_soon(FRESH_SECONDS):
                    auth.invalidate()
                self._session.get_token()


def connect(
    cloud: str | None, region_name: str | None = None, timeout_seconds: float = SEND_SECONDS
) -> Cloud:
    """Signs in and finds Glance; `cloud` as in clouds.yaml, None for OS_CLOUD or the OS_* variables.

    `region_name` None is the one that its configuration names. Everything that an upload needs is tried here:
    the password, the catalogue, and that Glance accepts the token. Raises CloudError.
    """
    region = region_of(cloud, region_name)
    name = printable(str(region.name or cloud or "")) or "the cloud"
    shown = f"{name}/{printable(region_name)}" if region_name else name
    _require_address(name, region)
    with translated(name), signing_in(name):
        session = _session(region)
        with understood(name):
            project_id = session.get_project_id()
            if project_id is None:
                raise _no_project(name)
            endpoint = _endpoint(region, session)
    if endpoint is None:
        raise _no_endpoint(name, region)
    found = Cloud(
        shown,
        option=client_options(cloud, region_name),
        session=session,
        endpoint=endpoint,
        project_id=project_id,
        timeout_seconds=timeout_seconds,
        address_of=lambda service_type: _address_if_any(region, session, service_type),
    )
    _require_glance(found)
    return found


def client_options(cloud: str | None, region_name: str | None) -> str:
    """What the `openstack` command needs to reach this cloud, ending in a blank; for a hint."""
    options = (("--os-cloud", cloud), ("--os-region-name", region_name))
    return "".join(f"{option} {shell_word(value) or 'NAME'} " for option, value in options if value)


def _require_address(name: str, region: "CloudRegion") -> None:
    """Refuse an address that is none: keystoneauth would say that the catalogue has no Glance."""
    address = (region.config.get("auth") or {}).get("auth_url")
    if isinstance(address, str) and not address.lower().startswith(("http://", "https://")):
        raise CloudError(
            f"{name}: auth_url is {printable(without_credentials(address))!r}, which does not begin with https://",
            hint="correct it in clouds.yaml, or OS_AUTH_URL: https://HOST:5000/v3, for example",
        )


def _no_project(name: str) -> CloudError:
    return CloudError(
        f"{name}: the credentials are for no project, and images belong to one",
        hint="set project_name in clouds.yaml, or OS_PROJECT_NAME",
    )


def _no_endpoint(name: str, region: "CloudRegion") -> CloudError:
    return CloudError(
        f"{name}: Keystone's catalogue has no image endpoint{_where(region)}",
        hint="check region_name and interface in clouds.yaml; see: openstack catalog list",
    )


def _endpoint(region: "CloudRegion", session: "Session") -> str | None:
    """Glance's address without a version, from clouds.yaml or the catalogue."""
    address = _address(region, session, SERVICE_TYPE)
    return _VERSION_SUFFIX.sub("", address).rstrip("/") if address else None


def _address(region: "CloudRegion", session: "Session", service_type: str) -> str | None:
    address = region.get_endpoint(service_type) or session.get_endpoint(
        service_type=service_type,
        interface=region.get_interface(service_type),
        region_name=region.get_region_name(service_type),
        skip_discovery=True,
    )
    return str(address) if address else None


def _address_if_any(region: "CloudRegion", session: "Session", service_type: str) -> str | None:
    from keystoneauth1.exceptions import EndpointNotFound  # noqa: PLC0415 - half a second

    try:
        return _address(region, session, service_type)
    except EndpointNotFound:
        return None


def _where(region: "CloudRegion") -> str:
    name = region.get_region_name(SERVICE_TYPE)
    return f" in region {printable(str(name))}" if name else ""


def _require_glance(cloud: Cloud) -> None:
    answer = cloud.request("GET", "/v2/images", params={"limit": "1"})
    if not answer.ok or "images" not in answer.mapping():
        raise CloudError(
            f"{cloud.name}: the image endpoint does not answer as Glance does: {answer}",
            hint="check the image endpoint: openstack catalog show image",
        )


def _session(region: "CloudRegion") -> "Session":
    """Return a session whose answers have bounds."""
    from imgtool.glance.transport import BoundedAdapter  # noqa: PLC0415 - half a second

    session = region.get_session()
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, BoundedAdapter())
    return session


def _answer(response: Any, source: str) -> Answer:
    """The parts of a response that matter; its text is looked at only where it is an error, or no JSON."""
    try:
        document = loads(response.content) if response.content else None
    except ValueError:
        document = None
    status = response.status_code
    words = "" if document is not None and response.ok else _words(response, document)
    return Answer(status, words, document, source)


def _words(response: Any, document: Any) -> str:
    """Glance's own, or where a redirection leads: it is not followed."""
    to = response.headers.get("Location")
    if to and response.is_redirect:
        return f"redirected to {printable(without_credentials(to[:MAX_WORDS]))}"
    return plain_words(response.content[: 16 * MAX_WORDS].decode(errors="replace"), document)
