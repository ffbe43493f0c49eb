"""The cloud's folder: everything that one cloud needs, below one directory of mode 0700."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devcloud import ceph_files, nova_files, parts
from devcloud.databases import copy_database, personalise
from devcloud.environment import REGION, Environment
from devcloud.keys import key_settings, write_keys
from devcloud.parts import STORES

USERS = ("admin", "glance", "member", *nova_files.USERS)


def _passwords() -> dict[str, str]:
    return {user: secrets.token_urlsafe(24) for user in USERS}


@dataclass(frozen=True)
class Settings:
    """One cloud: where it is kept, its ports on loopback, its passwords."""

    folder: Path
    environment: Environment
    keystone_port: int
    glance_port: int
    image_size_cap_bytes: int
    limits: bool = False
    """Glance asks Keystone what its projects may have."""
    parts: frozenset[str] = frozenset()
    """What is switched on besides: see parts.py."""
    default_store: str = STORES[0]
    """Where an image goes for which no store is named."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Of the services besides these two, by their type."""
    passwords: dict[str, str] = field(default_factory=_passwords, repr=False)

    @property
    def keystone_url(self) -> str:
        """Where Keystone answers."""
        return f"http://127.0.0.1:{self.keystone_port}/v3"

    @property
    def glance_url(self) -> str:
        """Where Glance answers."""
        return f"http://127.0.0.1:{self.glance_port}"

    @property
    def keystone_conf(self) -> Path:
        """Keystone's configuration."""
        return self.folder / "keystone" / "keystone.conf"

    @property
    def glance_conf(self) -> Path:
        """Glance's configuration."""
        return self.folder / "glance" / "glance-api.conf"

    @property
    def has_ceph(self) -> bool:
        """Whether Glance keeps images in Ceph as well."""
        return parts.CEPH in self.parts

    @property
    def ceph_folder(self) -> Path:
        """Where that cluster is kept."""
        return self.folder / "ceph"

    @property
    def nova_folder(self) -> Path:
        """Where Nova has what it needs of the cloud's folder."""
        return self.folder / "nova"

    def log(self, name: str) -> Path:
        """The output of a server."""
        return self.folder / "log" / f"{name}.log"


def write_all(settings: Settings) -> None:
    """Fills the folder; only clouds.yaml is left for the moment when the cloud answers."""
    for service in ("keystone", "glance"):
        (settings.folder / service).mkdir()
        copy_database(settings.environment.database(service), settings.folder / service / f"{service}.db")
    personalise(
        settings.folder / "keystone" / "keystone.db",
        settings.environment.python,
        urls={"identity": settings.keystone_url, "image": settings.glance_url, **settings.endpoints},
        passwords=settings.passwords,
    )
    for name in ("log", "lock", "staging", "tasks", *STORES):
        (settings.folder / name).mkdir()
    for repository in ("fernet", "credential"):
        write_keys(settings.folder / repository)
    settings.keystone_conf.write_text(_keystone_conf(settings))
    settings.glance_conf.write_text(_glance_conf(settings))
    parts.schema_file(settings.glance_conf.parent, settings.parts)


def write_clouds_yaml(settings: Settings) -> None:
    """The two clouds, for openstacksdk: an administrator and an ordinary member of another project."""
    clouds = {
        "devcloud": _cloud(settings, "admin", "admin"),
        "devcloud-member": _cloud(settings, "member", "demo"),
    }
    part = settings.folder / "clouds.yaml.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps({"clouds": clouds}, indent=2) + "\n")  # JSON is YAML too
    part.rename(settings.folder / "clouds.yaml")


def _cloud(settings: Settings, user: str, project: str) -> dict[str, object]:
    return {
        "region_name": REGION,
        "identity_api_version": "3",
        "auth": {
            "auth_url": settings.keystone_url,
            "username": user,
            "password": settings.passwords[user],
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
    }


def _database(settings: Settings, service: str) -> str:
    return f"sqlite:///{settings.folder / service / service}.db?timeout=60"


def _keystone_conf(settings: Settings) -> str:
    return f"""\
[database]
connection = {_database(settings, "keystone")}
sqlite_synchronous = False
{key_settings(settings.folder / "fernet", settings.folder / "credential")}"""


def _glance_conf(settings: Settings) -> str:
    stores = "".join(
        f"[{section}]\nfilesystem_store_datadir = {settings.folder / name}\n"
        for section, name in (
            *((name, name) for name in STORES),
            ("os_glance_staging_store", "staging"),
            ("os_glance_tasks_store", "tasks"),
        )
    )
    return f"""\
[DEFAULT]
enabled_backends = {",".join(_backends(settings))}
enabled_import_methods = [glance-direct,web-download,copy-image]
worker_self_reference_url = {settings.glance_url}
image_size_cap = {settings.image_size_cap_bytes}
use_keystone_limits = {settings.limits}
[database]
connection = {_database(settings, "glance")}
sqlite_synchronous = False
[glance_store]
default_backend = {settings.default_store}
{stores}{ceph_files.store_settings(settings.ceph_folder) if settings.has_ceph else ""}[keystone_authtoken]
auth_type = password
auth_url = {settings.keystone_url}
www_authenticate_uri = {settings.keystone_url}
username = glance
password = {settings.passwords["glance"]}
project_name = service
user_domain_id = default
project_domain_id = default
[paste_deploy]
flavor = keystone
config_file = {settings.environment.paste_file}
[oslo_concurrency]
lock_path = {settings.folder / "lock"}
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
{parts.glance_settings(settings.parts)}{_limits(settings) if settings.limits else ""}"""


def _backends(settings: Settings) -> list[str]:
    return [*(f"{name}:file" for name in STORES), *([f"{parts.RBD}:rbd"] if settings.has_ceph else [])]


def _limits(settings: Settings) -> str:
    return f"""\
[oslo_limit]
auth_type = password
auth_url = {settings.keystone_url}
username = glance
password = {settings.passwords["glance"]}
project_name = service
user_domain_id = default
project_domain_id = default
endpoint_service_name = glance
endpoint_service_type = image
endpoint_region_name = {REGION}
endpoint_interface = public
"""
