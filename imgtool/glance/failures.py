"""What openstacksdk and keystoneauth raise, told as CloudError: what happened, what to do, no secret.

Their own messages are passed on only where they cannot hold a value from clouds.yaml: a parser of YAML
quotes the line that it stumbles over, and that line may be the password.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.errors import CloudError
from imgtool.util.redaction import redact, without_credentials
from imgtool.util.text import printable

_ADDRESS = re.compile(r"https?://[^\s/]+")
_REASON = re.compile(r"\[Errno -?\d+\] ([A-Za-z ]+)")
_UNKNOWN_SETTING = re.compile(r"unexpected keyword argument '(\w{1,64})'")
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
def from_configuration(cloud: str | None) -> Iterator[None]:
    """Translate what openstacksdk raises while it reads clouds.yaml."""
    from keystoneauth1 import exceptions as auth  # noqa: PLC0415 - half a second
    from openstack import exceptions  # noqa: PLC0415 - the same

    try:
        with _skipped_files():
            yield
    except _BrokenFileError as error:
        raise CloudError(str(error), hint="mend its YAML") from None
    except OSError as error:
        file = printable(str(error.filename))
        raise CloudError(
            f"{file} cannot be read: {error.strerror}", hint="check its owner and mode"
        ) from None
    except (auth.MissingRequiredOptions, auth.NoMatchingPlugin, auth.OptionError) as error:
        raise CloudError(
            f"the credentials of {_called(cloud)} are not complete: {in_words(error)}",
            hint="name a cloud of clouds.yaml (--cloud), or set the OS_* variables",
        ) from None
    except exceptions.ConfigException as error:
        raise _configuration_error(cloud, error) from None
    except TypeError as error:
        raise _odd_setting(cloud, error) from None
    except Exception as error:
        # keystoneauth and the loader raise more kinds than they document; a name is all that is safe to show.
        raise _unusable(cloud, type(error).__name__) from None


def _unusable(cloud: str | None, why: str) -> CloudError:
    return CloudError(
        f"the configuration of {_called(cloud)} is not usable ({why})",
        hint="compare it with: openstack configuration show",
    )


def _odd_setting(cloud: str | None, error: TypeError) -> CloudError:
    """All of them go to one plugin of keystoneauth, which may not know one: by password there is no token."""
    found = _UNKNOWN_SETTING.search(str(error))
    if found is None:
        return _unusable(cloud, "TypeError")
    name = found[1]
    return CloudError(
        f"the credentials of {_called(cloud)} contradict each other: signing in this way takes no {name}",
        hint=f"unset OS_{name.upper()} (in clouds.yaml: auth.{name}), or say how to sign in by OS_AUTH_TYPE",
    )


def _configuration_error(cloud: str | None, error: Exception) -> CloudError:
    if cloud is not None and "was not found" in str(error):
        from openstack.config.loader import CONFIG_FILES  # noqa: PLC0415 - half a second

        places = ", ".join(dict.fromkeys(printable(str(Path(name).parent)) for name in CONFIG_FILES))
        return CloudError(
            f"no clouds.yaml names a cloud {printable(cloud)!r}",
            hint=f"it is looked for in {places}, and where OS_CLIENT_CONFIG_FILE points",
        )
    return CloudError(f"the configuration of {_called(cloud)} is not usable: {in_words(error)}",
                      hint="compare it with: openstack configuration show")  # fmt: skip


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
        raise CloudError(
            f"{name}: no trusted connection: {in_words(error)}",
            hint="name the cloud's certificate authority by cacert in clouds.yaml",
        ) from None
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


def _connection_words(error: Exception) -> str:
    """The address and the system's reason, which urllib3 buries in the names of its classes."""
    words = in_words(error)
    address, reason = _ADDRESS.search(words), _REASON.search(words)
    return f"{address[0]}: {reason[1]}" if address and reason else words


class _BrokenFileError(Exception):
    """A file of the configuration is no YAML; says which, and where, never what stands there."""


class _Skipped(logging.Filter):
    """Takes openstacksdk's warnings of files that it skips: they quote the line, maybe the password."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps the file and the place, and drops the record."""
        if isinstance(record.args, tuple) and len(record.args) == 2:
            path, error = record.args
            mark = getattr(error, "problem_mark", None)
            place = "" if mark is None else f", line {mark.line + 1}"
            self.files.append(f"{printable(str(path))}{place}")
        return False


@contextmanager
def _skipped_files() -> Iterator[None]:
    """Raises _BrokenFileError if openstacksdk skipped a file: without it another cloud may be meant."""
    logger = logging.getLogger("openstack.config")
    skipped = _Skipped()
    logger.addFilter(skipped)
    try:
        yield
    finally:
        logger.removeFilter(skipped)
        if skipped.files:
            raise _BrokenFileError(f"not valid YAML: {'; '.join(skipped.files)}") from None


def _called(cloud: str | None) -> str:
    return f"cloud {printable(cloud)!r}" if cloud is not None else "the OS_* variables"
