"""What openstacksdk and keystoneauth raise, told as CloudError: what happened, what to do, no secret.

Their own messages are passed on only where they cannot hold a value from clouds.yaml: a parser of YAML
quotes the line that it stumbles over, and that line may be the password.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.errors import CloudError
from imgtool.text import printable

_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]*@")
MAX_WORDS = 300


@contextmanager
def from_configuration(cloud: str | None) -> Iterator[None]:
    """For reading clouds.yaml."""
    from openstack import exceptions  # noqa: PLC0415 - half a second
    from yaml import YAMLError  # noqa: PLC0415 - comes with it

    try:
        yield
    except YAMLError as error:
        raise CloudError(f"clouds.yaml cannot be read{_yaml_place(error)}", hint="mend its YAML") from None
    except OSError as error:
        file = printable(str(error.filename))
        raise CloudError(
            f"{file} cannot be read: {error.strerror}", hint="check its owner and mode"
        ) from None
    except exceptions.ConfigException as error:
        raise _configuration_error(cloud, error) from None
    except Exception as error:
        # keystoneauth and the loader raise more kinds than they document; a name is all that is safe to show.
        raise CloudError(
            f"the configuration of {_called(cloud)} is not usable ({type(error).__name__})",
            hint="compare it with: openstack configuration show",
        ) from None


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
    """For requests to the cloud `name`."""
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
    except (
        auth.MissingRequiredOptions,
        auth.MissingAuthPlugin,
        auth.NoMatchingPlugin,
        auth.OptionError,
    ) as error:
        raise CloudError(
            f"{name}: the credentials are not complete: {in_words(error)}",
            hint="name a cloud of clouds.yaml (--cloud), or set the OS_* variables",
        ) from None
    except (auth.ConnectFailure, auth.DiscoveryFailure, RequestException) as error:
        raise CloudError(
            f"{name}: no connection: {in_words(error)}",
            hint="check the network, a proxy, and the address (auth_url, region) of the cloud",
        ) from None
    except (auth.ClientException, SDKException) as error:
        raise CloudError(f"{name}: {in_words(error)}", hint="ask the cloud's administrator") from None


def in_words(error: object) -> str:
    """An error's own words, one line, bounded, without credentials that a URL may hold."""
    words = _CREDENTIALS_IN_URL.sub("", " ".join(str(error).split()))
    words = printable(words)
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "..."


def _yaml_place(error: Exception) -> str:
    """Where in the file, never what stands there."""
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f": {printable(str(mark.name))}, line {mark.line + 1}"


def _called(cloud: str | None) -> str:
    return f"cloud {printable(cloud)!r}" if cloud is not None else "the OS_* variables"
