"""Which cloud is meant, by openstacksdk's rules, and what is wrong with its configuration.

A message shows no value from clouds.yaml: a parser of YAML quotes the line that it stumbles over, and
that line may be the password.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgtool.errors import CloudError
from imgtool.glance.failures import in_words
from imgtool.util import log, misspelt
from imgtool.util.redaction import names_secret
from imgtool.util.text import printable

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion
    from openstack.config.loader import OpenStackConfig

FILE_VARIABLE = "OS_CLIENT_CONFIG_FILE"
MAX_LISTED = 12
"""Clouds that a hint names."""
_UNKNOWN_SETTING = re.compile(r"unexpected keyword argument '(\w{1,64})'")
_NO_CLOUDS = frozenset({"envvars", "defaults"})
"""Names that openstacksdk gives to what no file names."""


def region_of(cloud: str | None, region_name: str | None) -> "CloudRegion":
    """Return the configuration of `cloud`, None for OS_CLOUD or the OS_* variables. Raises CloudError."""
    from openstack.config.loader import OpenStackConfig  # noqa: PLC0415 - half a second

    for name in ("keystoneauth", "openstack"):  # what they warn of is told here, or does not matter
        logging.getLogger(name).addHandler(logging.NullHandler())
    chosen: dict[str, Any] = {"region_name": region_name} if region_name else {}
    with _translated(cloud):
        configuration = OpenStackConfig(app_name="imgtool")
        if cloud is None and not _names_a_cloud(os.environ):
            raise _no_cloud(configuration)
        if cloud is not None and cloud not in configuration.get_cloud_names():
            raise _unknown_cloud(cloud, configuration)
        region = configuration.get_one(cloud=cloud, **chosen)
        log.hide(_secrets(region.config.get("auth") or {}))
        return region


def cloud_names() -> list[str]:
    """Return the names of the clouds of clouds.yaml. Raises CloudError."""
    from openstack.config.loader import OpenStackConfig  # noqa: PLC0415 - half a second

    with _translated(None):
        return _clouds(OpenStackConfig(app_name="imgtool"))


def places() -> dict[str, list[str]]:
    """Return where clouds are configured, and their names there: a file, or the OS_* variables.

    Raises CloudError.
    """
    from openstack.config.loader import OpenStackConfig  # noqa: PLC0415 - half a second

    with _translated(None):
        found = OpenStackConfig(app_name="imgtool")
        names = _clouds(found)
    there = {printable(str(found.config_filename)): names} if names else {}
    if any(name in os.environ for name in ("OS_AUTH_URL", "OS_ENDPOINT")):
        there["the OS_* variables"] = ["one"]
    return there


def _secrets(settings: Mapping[str, Any]) -> list[str]:
    """Values that no record of the log may show."""
    return [str(value) for name, value in settings.items() if value and names_secret(name)]


def _names_a_cloud(environment: "os._Environ[str]") -> bool:
    return any(name in environment for name in ("OS_CLOUD", "OS_AUTH_URL", "OS_ENDPOINT", "OS_AUTH_TYPE"))


def _no_cloud(configuration: "OpenStackConfig") -> CloudError:
    there = _clouds(configuration)
    hint = f"name one of clouds.yaml: --cloud {_listed(there)}" if there else where_it_is_looked_for()
    return CloudError("no cloud is named, by --cloud or by the OS_* variables", hint=hint)


def _unknown_cloud(cloud: str, configuration: "OpenStackConfig") -> CloudError:
    there = _clouds(configuration)
    names = f"it names: {_listed(there)}" if there else where_it_is_looked_for()
    hint = misspelt.advice(cloud, there, names)
    return CloudError(f"no clouds.yaml names a cloud {printable(cloud)!r}", hint=hint)


def _clouds(configuration: "OpenStackConfig") -> list[str]:
    return sorted(printable(name) for name in configuration.get_cloud_names() if name not in _NO_CLOUDS)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def where_it_is_looked_for() -> str:
    """Say why no file names any cloud, where one can tell."""
    from openstack.config.loader import CONFIG_FILES  # noqa: PLC0415 - half a second

    named = os.environ.get(FILE_VARIABLE)
    for path in map(Path, [*([named] if named else []), *CONFIG_FILES]):
        if path.is_dir():
            return f"{printable(str(path))} is a folder: it has to be a file"
        if path.exists() and not os.access(path, os.R_OK):
            return f"{printable(str(path))} cannot be read: check its owner and mode"
    if named and not Path(named).exists():
        return f"{FILE_VARIABLE} names {printable(named)}, which does not exist"
    places = ", ".join(dict.fromkeys(printable(str(Path(name).parent)) for name in CONFIG_FILES))
    return f"clouds.yaml is looked for in {places}, and where {FILE_VARIABLE} points"


@contextmanager
def signing_in(name: str) -> Iterator[None]:
    """Translate what keystoneauth and requests raise for credentials and files that are not there."""
    from keystoneauth1 import exceptions as auth  # noqa: PLC0415 - half a second
    from requests.exceptions import RequestException  # noqa: PLC0415 - the same

    try:
        yield
    except auth.NotFound as error:
        raise CloudError(
            f"{name}: Keystone does not know the credentials ({in_words(error)})",
            hint="check application_credential_id and auth_url in clouds.yaml or the OS_* variables",
        ) from None
    except (CloudError, RequestException):
        raise
    except OSError as error:
        raise CloudError(
            f"{name}: {in_words(error)}", hint="check cacert, cert and key in clouds.yaml"
        ) from None
    except Exception as error:
        if type(error) is not Exception:  # keystoneauth has no kind of its own for what is left out
            raise
        raise CloudError(
            f"{name}: the credentials are not complete: {in_words(error)}",
            hint="add it below auth: in clouds.yaml, or set it by an OS_* variable, such as OS_PASSWORD",
        ) from None


@contextmanager
def _translated(cloud: str | None) -> Iterator[None]:
    """Translate what openstacksdk raises while it reads clouds.yaml."""
    from keystoneauth1 import exceptions as auth  # noqa: PLC0415 - half a second
    from openstack import exceptions  # noqa: PLC0415 - the same

    try:
        with _skipped_files():
            yield
    except CloudError:
        raise
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
        raise _unusable(cloud, in_words(error)) from None
    except TypeError as error:
        raise _odd_setting(cloud, error) from None
    except Exception as error:
        # keystoneauth and the loader raise more kinds than they document; a name is all that is safe to show.
        raise _unusable(cloud, type(error).__name__) from None


def _unusable(cloud: str | None, why: str) -> CloudError:
    return CloudError(
        f"the configuration of {_called(cloud)} is not usable: {why}",
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
