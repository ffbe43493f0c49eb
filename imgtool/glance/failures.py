"""What openstacksdk and keystoneauth raise, told as CloudError: what happened, what to do, no secret.

Their own messages are passed on only where they cannot hold a value from clouds.yaml: a parser of YAML
quotes the line that it stumbles over, and that line may be the password.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imgtool.errors import CloudError
from imgtool.util.redaction import redact, without_credentials
from imgtool.util.text import printable

_ADDRESS = re.compile(r"https?://[^\s/]+")
_REASON = re.compile(r"\[Errno -?\d+\] ([A-Za-z ]+)")
_TLS_REASON = re.compile(r"\[SSL: (\w+)\] ([^(\[\]]+)")
"""OpenSSL's name of what is wrong, and its words."""
MAX_WORDS = 600
BAD_MOMENTS = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of HTTP after which a whole upload is worth another try."""


class NoAnswer(CloudError):  # noqa: N818 - it says what happened
    """No answer came: no connection, or one that broke off."""


class GlanceRefusal(CloudError):  # noqa: N818 - it says what happened
    """Glance answered, and not with a success."""

    status: int = 0
    """Of HTTP."""

    @classmethod
    def of(cls, status: int, message: str, hint: str) -> "GlanceRefusal":
        """Return the refusal with its HTTP status."""
        refusal = cls(message, hint=hint)
        refusal.status = status
        return refusal


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Translate what requests to the cloud `name` raise."""
    from keystoneauth1 import exceptions as auth  # noqa: PLC0415 - half a second
    from openstack.exceptions import SDKException  # noqa: PLC0415 - the same
    from requests.exceptions import RequestException  # noqa: PLC0415 - the same

    try:
        yield
    except auth.Unauthorized as error:
        raise CloudError(
            f"{name}: Keystone does not accept the credentials ({in_words(error)})",
            hint="check user, password, project and their domains in clouds.yaml or the OS_* variables",
        ) from None
    except auth.SSLError as error:
        raise _no_trusted_connection(name, in_words(error)) from None
    except (auth.EndpointNotFound, auth.CatalogException) as error:
        raise CloudError(
            f"{name}: Keystone's catalogue has no such image endpoint: {in_words(error)}",
            hint="check region_name and interface in clouds.yaml; see: openstack catalog list",
        ) from None
    except (auth.ConnectionError, auth.DiscoveryFailure, RequestException) as error:
        raise NoAnswer(
            f"{name}: no connection: {_connection_words(error)}",
            hint="check the network, a proxy, and the address (auth_url, region) of the cloud",
        ) from None
    except (auth.ClientException, SDKException) as error:
        raise CloudError(f"{name}: {in_words(error)}", hint="ask the cloud's administrator") from None


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Translate what keystoneauth raises for answers of Keystone that do not follow the API."""
    try:
        yield
    except (TypeError, KeyError, IndexError, AttributeError, ValueError, RecursionError) as error:
        raise CloudError(
            f"{name}: an answer of Keystone is not understood ({type(error).__name__} in {_place(error)})",
            hint="is there really Keystone at auth_url? compare it with: openstack token issue",
        ) from error


def _place(error: BaseException) -> str:
    """The function in which it was raised: of keystoneauth, which says what was read."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else trace.tb_frame.f_code.co_name


def in_words(error: object) -> str:
    """An error's own words, one line, bounded, without credentials and what else looks like a secret."""
    words = " ".join(str(error)[: 16 * MAX_WORDS].split())
    words = printable(redact(without_credentials(words)))
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "..."


def _no_trusted_connection(name: str, words: str) -> CloudError:
    reason, where = _TLS_REASON.search(words), _ADDRESS.search(words)
    address = f"{where[0]}: " if where else ""
    if reason and reason[1] == "WRONG_VERSION_NUMBER":
        return CloudError(
            f"{name}: no trusted connection: {address}what answers there does not speak TLS",
            hint="write http:// in place of https:// (auth_url in clouds.yaml), or the port that speaks TLS",
        )
    return CloudError(
        f"{name}: no trusted connection: {address}{reason[2].strip() if reason else words}",
        hint="name the cloud's certificate authority by cacert in clouds.yaml",
    )


def _connection_words(error: Exception) -> str:
    """The address and the system's reason, which urllib3 buries in the names of its classes."""
    words = in_words(error)
    address, reason = _ADDRESS.search(words), _REASON.search(words)
    return f"{address[0]}: {reason[1]}" if address and reason else words
