"""The settings of one task: its own over the defaults, over what imgtool does by itself.

Policies that they name are read once, before the work begins, and known by their rules.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from imgtool.batch import sources, values
from imgtool.batch.manifest import Settings
from imgtool.checks.policy import OPENSTACK
from imgtool.checks.registry import all_checks
from imgtool.errors import FetchError, UsageError
from imgtool.fetch.checksums import ChecksumList, merged, read_list
from imgtool.fetch.urls import file_name, is_url
from imgtool.fix import packages
from imgtool.formats.claims import format_to_make
from imgtool.model.batch import Task, TaskOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.cloud_boot import BootPlace, CloudBootOptions
from imgtool.model.conversion import ConversionOptions
from imgtool.model.delivery import CloudName, GlanceTarget, default_visibility
from imgtool.model.fix import FixOptions
from imgtool.model.source import SourceHash
from imgtool.model.validation import require_valid
from imgtool.policy.load import load_policy
from imgtool.policy.profiles import PROFILES
from imgtool.util import misspelt, name_templates
from imgtool.util.name_templates import STEM
from imgtool.util.text import printable


class PolicyFingerprints:
    """Loads policies and their fingerprints; policy files are relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[str, str]] = {}

    def of(self, name: str | None) -> tuple[str, str]:
        """The name of a profile or the absolute path of a file, and what is another where its rules are.

        A profile is known by its name: a new version of imgtool does not make all images anew.
        Raises UsageError where there is no such policy, or something is wrong in its file.
        """
        if name is None or name == OPENSTACK.name:
            return OPENSTACK.name, OPENSTACK.name
        if name not in self._known:
            self._known[name] = (name, name) if name in PROFILES else self._of_file(name)
        return self._known[name]

    def _of_file(self, name: str) -> tuple[str, str]:
        path = os.path.normpath(self._folder / name)
        if not os.path.lexists(path):
            hint = misspelt.hint(name, PROFILES, f"the profiles are {', '.join(PROFILES)}")
            raise UsageError(
                f"policy: {printable(name)} is neither a profile nor a file beside the manifest", hint=hint
            )
        policy = load_policy(path)
        rules = [(check.name, policy.rule(check)) for check in all_checks()]
        shown = [(check, rule.severity, rule.unknown, rule.parameters) for check, rule in rules]
        return path, hashlib.sha256(repr(shown).encode()).hexdigest()


_SLUG_CHARACTERS = 60
_HASH_CHARACTERS = 10

_WANTED = (
    "visibility", "protected", "hidden", "tags", "members", "min_disk", "min_ram", "id", "owner_project",
    "method", "stores", "all_stores", "on_conflict", "keep_last", "metadata",
)  # fmt: skip
_NAMES_OF_WANTED = {
    "min_disk": "min_disk_gib", "min_ram": "min_ram_mib", "id": "image_id", "owner_project": "owner",
}  # fmt: skip
"""Where the model calls a key otherwise."""
_KEYS = {_NAMES_OF_WANTED.get(key, key): key.replace("_", "-") for key in _WANTED}
"""How a manifest calls the model's fields."""

Chosen = Mapping[str, Any]
"""By the field of `Settings` or `Image`; a key that nobody set is not there."""


@dataclass(frozen=True, slots=True)
class Around:
    """What all tasks of a manifest have in common."""

    folder: Path
    """Absolute; paths are relative to it."""
    policies: PolicyFingerprints
    environment: Mapping[str, str]
    boot: BootPlace | None = None
    """Where an image is booted that says nothing of it."""
    sparsify: bool = False
    """Whether free blocks are left out of one that says nothing of it."""
    source_hash: SourceHash = "sha256"
    """Which hash of the source is noted of one that says nothing of it."""
    lists: dict[str, ChecksumList] = field(default_factory=dict)
    """Lists of hashes that were read, by what the manifest calls them."""


def over(defaults: Settings, image: Settings) -> Chosen:
    """Each key of `image` over that of `defaults`; properties one by one. Empty takes a default back."""
    common = {key: getattr(defaults, key) for key in defaults.model_fields_set}
    own = {key: getattr(image, key) for key in image.model_fields_set}
    chosen = {**common, **own}
    if common.get("properties") and own.get("properties"):
        chosen["properties"] = {**common["properties"], **own["properties"]}
    return {key: value for key, value in chosen.items() if value is not None}


def task(source: str, chosen: Chosen, around: Around, where: str) -> Task:
    """What is to be done with `source`. Raises UsageError where that makes no sense."""
    name = filled_name(chosen.get("name", STEM), source)
    policy, fingerprint = around.policies.of(chosen.get("policy"))
    made: dict[str, Any] = {
        "name": name,
        "wanted": _wanted(name, chosen),
        "output": _output(name, source, chosen, around.folder),
        "clouds": _clouds(chosen, around.environment),
        "policy": policy,
        "source_hash": chosen.get("source_hash", around.source_hash),
    }
    made |= _booted(chosen, made["clouds"], around)
    same = ("source_format", "disk", "target_format", "store_type", "compression", "properties", "derive")
    made |= {key: chosen[key] for key in same if key in chosen}
    made["options"] = replace(
        made.get("options", TaskOptions()),
        conversion=_conversion(chosen, around),
        fix=_fixed(chosen, made["clouds"], around.folder),
    )
    if made["output"] is not None:
        wanted = chosen.get("target_format")
        made["target_format"] = format_to_make(made["output"].name, None if wanted == "auto" else wanted)
    if not made["clouds"] and made["output"] is None:
        raise UsageError("no cloud and no output given: nothing to do", hint="give clouds or output")
    if made.get("target_format") == "auto" and made.get("compression", "none") != "none":
        made["target_format"] = "qcow2"
    if made.get("target_format") == "raw" and made.get("compression", "none") != "none":
        raise UsageError("compression: a raw image has none", hint="take the target-format qcow2")
    made |= hashes_of(source, chosen, around)
    unnamed = Task(key="", source=source, settings_hash="", where=where, **made, **_of_running(chosen))
    return with_key(unnamed, fingerprint)


def with_key(unnamed: Task, policy: str) -> Task:
    """The task, known by all that decides what its result is; `policy` is its policy's fingerprint."""
    settings_hash = _hash(unnamed, policy)
    key = _key(unnamed.name, unnamed.source, settings_hash)
    return replace(unnamed, key=key, settings_hash=settings_hash)


def _of_running(chosen: Chosen) -> dict[str, Any]:
    """What does not change the result."""
    names = {"deadline": "deadline_seconds", "retries": "retries"}
    return {name: chosen[key] for key, name in names.items() if key in chosen}


def hashes_of(source: str, chosen: Chosen, around: Around) -> dict[str, str]:
    """What the source must have, by its own keys and by the list that is named; one at least of a URL.

    Raises UsageError where that is not clear.
    """
    found = {key: chosen[key] for key in ("sha256", "sha512") if key in chosen}
    if "checksum_file" in chosen:
        listed = _list(chosen["checksum_file"], around)
        name = file_name(source) if is_url(source) else Path(source).name
        found = merged(printable(name), found, listed.hashes_of(name))
    if is_url(source) and not found:
        raise UsageError(
            "sha256: a URL needs the hash of what it gives",
            hint="sha256sum FILE; sha512 is as good, or checksum-file with a list such as SHA256SUMS",
        )
    return found


def _list(named: str, around: Around) -> ChecksumList:
    if named not in around.lists:
        try:
            around.lists[named] = read_list(named, around.folder)
        except FetchError as error:
            raise UsageError(f"checksum-file: {error.message}", hint=error.hint) from error
    return around.lists[named]


def _filled(template: str, source: str) -> str:
    return name_templates.filled(template, lambda: sources.stem(source))


def filled_name(template: str, source: str) -> str:
    """The name of an image. Raises UsageError where the source gives none."""
    name = _filled(template, source)
    if not name or printable(name) != name:
        raise UsageError(f"name: cannot derive an image name from {printable(source)}", hint="give it a name")
    return name


def named_in(folder: str, name: str, target_format: str) -> str:
    """The path of an image's file in a folder, which ends with a slash."""
    return f"{folder}{name.replace('/', '_')}.{target_format}"


def _output(name: str, source: str, chosen: Chosen, folder: Path) -> Path | None:
    """One that ends with a slash is a folder, and the image is named in it."""
    if "output" not in chosen:
        return None
    path = _filled(chosen["output"], source)
    if path.endswith("/"):
        wanted = chosen.get("target_format", "auto")
        path = named_in(path, name, "qcow2" if wanted == "auto" else wanted)
    return folder / path


def _clouds(chosen: Chosen, environment: Mapping[str, str]) -> tuple[CloudName, ...]:
    """Where neither a cloud nor a file is asked for: the cloud of OS_CLOUD, else of the OS_* variables."""
    if "clouds" in chosen:
        return tuple(map(values.cloud, chosen["clouds"]))
    return () if "output" in chosen else (CloudName(environment.get("OS_CLOUD") or None),)


def _booted(chosen: Chosen, clouds: tuple[CloudName, ...], around: Around) -> dict[str, Any]:
    """An image that goes to no cloud is not judged, so it is not booted either."""
    if chosen.get("boot") and not clouds:
        raise UsageError("boot: an image that goes to no cloud is not judged", hint="give clouds, or no boot")
    where = chosen.get("boot", around.boot) if clouds else None
    if where == "cloud":
        return {"options": TaskOptions(cloud_boot=CloudBootOptions())}
    return {"boot": bool(where)}


def _fixed(chosen: Chosen, clouds: tuple[CloudName, ...], folder: Path) -> FixOptions | None:
    """The checks say what is to be repaired."""
    if chosen.get("fix") and not clouds:
        raise UsageError("fix: an image that goes to no cloud is not judged", hint="give clouds, or no fix")
    handing = [key for key in ("packages", "repository") if chosen.get(key)]
    if handing and "fix" not in chosen:
        raise UsageError(f"{handing[0]}: packages are for a repair", hint="add fix: true")
    if not chosen.get("fix"):
        return None
    repository = chosen.get("repository")
    found = FixOptions(
        packages=tuple(folder / path for path in chosen.get("packages", ())),
        repository=folder / repository if repository else None,
    )
    packages.handed(found)
    return found


def _conversion(chosen: Chosen, around: Around) -> ConversionOptions:
    return ConversionOptions(sparsify=bool(chosen.get("sparsify", around.sparsify)))


def _wanted(name: str, chosen: Chosen) -> GlanceTarget:
    found = {_NAMES_OF_WANTED.get(key, key): chosen[key] for key in _WANTED if key in chosen}
    found.setdefault("visibility", default_visibility(found.get("members", ())))
    target = GlanceTarget(name=name, **found)
    require_valid(target, _KEYS)
    return target


def _plain_options(options: TaskOptions) -> dict[str, Any] | None:
    """Options that somebody chose; what came later is left out where nobody did, as in `_hash`."""
    if options == TaskOptions():
        return None
    plain = asdict(options)
    for added, usual in (("choice", CheckChoice()), ("cloud_boot", None), ("fix", None)):
        if getattr(options, added) == usual:
            del plain[added]
    if not options.conversion.sparsify:
        del plain["conversion"]["sparsify"]
    return plain


def _hash(unnamed: Task, policy: str) -> str:
    plain = {key: value for key, value in asdict(unnamed).items() if key not in _NOT_HASHED}
    plain |= {"policy": policy, "output": str(unnamed.output)}
    plain["options"] = _plain_options(unnamed.options)
    for added in ("boot", "disk", "options", "store_type"):
        if not plain[added]:
            del plain[added]  # so that journals of before there was such a thing are good still
    for added in ("keep_last", "metadata"):
        if plain["wanted"][added] is None:
            del plain["wanted"][added]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


_NOT_HASHED = frozenset({
    "key", "source", "settings_hash", "sha256", "sha512", "where", "deadline_seconds", "retries",
    "source_hash",
})  # fmt: skip


def _key(name: str, source: str, settings_hash: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:_SLUG_CHARACTERS] or "image"
    short = hashlib.sha256(f"{source}\0{settings_hash}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"{slug}-{short[:_HASH_CHARACTERS]}"
