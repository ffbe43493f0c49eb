"""cloud-init's merged configuration, as cloud-init itself reads it.

Source: read_conf, read_conf_d and read_conf_with_confd of cloudinit/util.py, cloudinit/settings.py; "Base
configuration" in its documentation. /etc/cloud/cloud.cfg first, then the regular files of cloud.cfg.d whose
names end in .cfg, in the order of their names; a later file counts more. A file that is no YAML, or whose
top is no mapping, is left out with a warning, and the others count. `## template: jinja` is a comment at a
first boot.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imgtool.guest.cloud_init.merging import merged
from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_nodes import InvalidYamlError
from imgtool.guest.yaml_values import Scalar, Value, yaml_value
from imgtool.model.facts import Fact, Known
from imgtool.util.text import printable

MAIN = "/etc/cloud/cloud.cfg"
DIRECTORY = "/etc/cloud/cloud.cfg.d"
MAX_FILES = 200
MAX_FILE_BYTES = 256 << 10
MAX_TOTAL_BYTES = 2 << 20
"""Of all files together; a distribution has 10 KiB."""
MAX_MODULES = 500
STAGE_LISTS = ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules")

Mapped = dict[Scalar, Value]

FALSE = frozenset({"off", "0", "no", "false"})
TRUE = frozenset({"true", "1", "on", "yes"})
"""Texts that cloud-init takes for a yes or a no: util.is_true, util.is_false."""


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """What the files say together."""

    values: Mapped = field(default_factory=dict)
    files: tuple[tuple[str, Mapped], ...] = ()
    """Each file that counts with what it says, the strongest first."""
    skipped: tuple[str, ...] = ()
    """Why a file was left out, with its path."""
    problem: str = ""
    """What makes cloud-init itself fail; empty where nothing does."""

    def get(self, *keys: str) -> Value:
        """The value below these keys; None where there is none."""
        return _at(self.values, keys)

    def has(self, key: str) -> bool:
        """Whether any file sets `key`, be it to nothing."""
        return key in self.values

    def where(self, *keys: str) -> str:
        """The strongest file that sets these keys."""
        found = next((path for path, values in self.files if _has(values, keys)), MAIN)
        return printable(found)

    @property
    def datasources(self) -> Known[tuple[str, ...]] | None:
        """Names of `datasource_list` as cloud-init takes them; None where it is not set."""
        if not self.has("datasource_list"):
            return None
        value = self.get("datasource_list")
        names = tuple(printable(name) for name in _names(value))
        return Known(names, f"{self.where('datasource_list')}: datasource_list: {', '.join(names)}")

    @property
    def default_user(self) -> Known[str | None] | None:
        """The user that is made where nothing else is asked for; None where none is named."""
        name = self.get("system_info", "default_user", "name")
        if not isinstance(name, str) or not name:
            return None
        where = self.where("system_info", "default_user", "name")
        return Known(printable(name), f"{where}: default_user: name: {printable(name)}")

    @property
    def all_modules(self) -> frozenset[str]:
        """The names of all modules that one of the stages runs."""
        values = (self.get(key) for key in STAGE_LISTS)
        items = (item for value in values for item in (value if isinstance(value, list) else [value]))
        return frozenset(pair[0] for item in items if (pair := _module(item)) is not None)

    @property
    def modules(self) -> Known[Mapping[str, tuple[Value, ...]]] | None:
        """What the first stage runs: each module's name and arguments; None where nothing is set."""
        value = self.get("cloud_init_modules")
        if not value:
            return None
        items = value if isinstance(value, list) else [value]
        found = dict(pair for item in items[:MAX_MODULES] if (pair := _module(item)) is not None)
        return Known(found, f"{self.where('cloud_init_modules')}: cloud_init_modules")


def cloud_config_fact(tree: GuestTree) -> Fact[CloudConfig]:
    """Return the configuration as a fact; it is read once and used by several."""
    return fact_of(lambda: Known(read_cloud_config(tree), MAIN))


def read_cloud_config(tree: GuestTree) -> CloudConfig:
    """Raises GuestReadError where one of the files cannot be read: it could have held what is asked for."""
    skipped: list[str] = []
    main = _read(tree, MAIN, skipped)
    problem, directory = _directory(main)
    paths = tuple(_parts(tree, directory))
    if sum(map(tree.size_bytes, paths)) > MAX_TOTAL_BYTES:
        raise GuestReadError(f"{printable(directory)}: more than {MAX_TOTAL_BYTES} bytes")
    parts = [(path, _read(tree, path, skipped)) for path in paths]
    files = tuple((path, values) for path, values in [*reversed(parts), (MAIN, main)] if values)
    try:
        together = merged([merged(values for _, values in files[: len(files) - bool(main)]), main])
    except ValueError as error:
        together, problem = {}, f"cloud-init's configuration cannot be merged: {printable(str(error))}"
    return CloudConfig(together, files, tuple(skipped), problem or _broken(together))


def _directory(main: Mapped) -> tuple[str, str]:
    """The directory whose files count: `conf_d` of cloud.cfg names another one, or none at all."""
    if "conf_d" not in main:
        return "", DIRECTORY
    named = main["conf_d"]
    if not named:
        return "", ""
    if not isinstance(named, str):
        return f"{MAIN}: conf_d is no text, so cloud-init fails", ""
    return "", named.strip()


def _broken(values: Mapped) -> str:
    """What cloud-init reads without asking of which type it is."""
    for keys in (("system_info",), ("system_info", "paths")):
        if _has(values, keys) and not isinstance(_at(values, keys), dict):
            return f"{': '.join(keys)} in cloud-init's configuration is no mapping, so cloud-init fails"
    return ""


def _parts(tree: GuestTree, directory: str) -> Iterator[str]:
    names = [name for name in tree.names(directory) if name.endswith(".cfg")] if directory else []
    if len(names) > MAX_FILES:
        raise GuestReadError(f"{printable(directory)}: more than {MAX_FILES} files")
    paths = (posixpath.join(directory, name) for name in names)
    yield from (path for path in paths if tree.is_file(path))


def _read(tree: GuestTree, path: str, skipped: list[str]) -> Mapped:
    content = tree.read_bytes(path, MAX_FILE_BYTES) if tree.is_file(path) else None
    if content is None:
        return {}
    try:
        value = yaml_value(content, printable(path))
    except InvalidYamlError as error:
        skipped.append(str(error))
        return {}
    if value is not None and not isinstance(value, dict):
        skipped.append(f"{printable(path)}: its top is no mapping")
    return value if isinstance(value, dict) else {}


def _at(values: Value, keys: tuple[str, ...]) -> Value:
    for key in keys:
        if not isinstance(values, dict):
            return None
        values = values.get(key)
    return values


def _has(values: Value, keys: tuple[str, ...]) -> bool:
    above = _at(values, keys[:-1])
    return isinstance(above, dict) and keys[-1] in above


def _names(value: Value) -> Iterator[str]:
    """A text in place of a list is gone through letter by letter, so that it names nothing."""
    for item in (
        value if isinstance(value, list) else list(value[:MAX_MODULES]) if isinstance(value, str) else []
    ):
        if isinstance(item, str):
            yield item


def _module(item: Value) -> tuple[str, tuple[Value, ...]] | None:
    """Return its name without `cc_`, and what follows its frequency: cloudinit/config/modules.py."""
    match item:
        case str(name):
            arguments: Value = []
        case [str(name), *rest]:
            arguments = rest[1:]
        case {"name": str(name)}:
            arguments = item.get("args") if isinstance(item, dict) else []
        case _:
            return None
    bare = name.strip().replace("-", "_").removesuffix(".py").removeprefix("cc_")
    return (bare, tuple(arguments) if isinstance(arguments, list) else ()) if bare else None


def is_off(value: Value) -> bool:
    """Whether cloud-init takes `value` for a no."""
    return value is False if isinstance(value, bool) else str(value).lower().strip() in FALSE


def is_on(value: Value, *also: str) -> bool:
    """Whether cloud-init takes `value` for a yes, or for one of the words `also`."""
    if not value or isinstance(value, bool):
        return bool(value)
    return str(value).lower().strip() in TRUE | set(also)
