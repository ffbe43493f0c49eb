"""Whether cloud-init lets anybody in: who gets the keys of an instance, and with what sshd shows itself.

Source: cloudinit/distros/ug_util.py (normalize_users_groups, extract_default), cc_ssh.py (handle,
apply_credentials) and cc_users_groups.py of cloudinit/config; DataSourceOpenStack.py for `metadata_urls`.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from imgtool.guest.cloud_init.config import CloudConfig, is_off
from imgtool.guest.credentials import of_cloud_config
from imgtool.guest.found_files import find_files
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_values import Value
from imgtool.model.facts import Known
from imgtool.util.text import printable

DEFAULT = "default"
"""The name among `users` that stands for system_info: default_user."""
OWN_KEYS = ("/root/.ssh/authorized_keys", "/home/*/.ssh/authorized_keys")
SSHD = ("/usr/sbin/sshd", "/usr/bin/sshd")
HOST_KEYS = frozenset({"rsa", "ecdsa", "ed25519"})
"""What sshd looks for where its settings name no key: sshd_config(5), HostKey."""
OTHER_MAKERS = (
    "/usr/lib/systemd/system/*keygen*",
    "/usr/lib/systemd/system/*hostkey*",
    "/etc/systemd/system/*keygen*",
    "/etc/init.d/sshd",
)
"""What makes host keys in cloud-init's place: units of distributions; OpenRC's script does so itself."""
METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fe80::a9fe:a9fe")))
"""Where Neutron answers for Nova's metadata service."""


def shut_out(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """Why nobody gets into an instance, in clauses."""
    yield from _without_user(tree, config)
    yield from _without_host_keys(tree, config)
    yield from _elsewhere(config)


def _without_user(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """The keys are the default user's; without one they are root's, who by default may not use them."""
    if not config.has("users") and not config.has("system_info"):
        return  # it is a part of a configuration that the boot puts together
    if has_default_user(config) or is_off(config.get("disable_root")):
        return
    own = find_files(tree, OWN_KEYS)
    if any(of_cloud_config(config)) or not isinstance(own, Known) or own.value:
        return
    named = "users" if not _names_default(config.get("users")) else "system_info"
    yield f"{config.where(named)}: {named} makes no default user: nobody gets the keys of the instance"


def has_default_user(config: CloudConfig) -> bool:
    """Whether cloud-init makes a user who is the default one."""
    user = config.get("user")
    if isinstance(user, str | dict) and user and (isinstance(user, str) or user.get("name")):
        return True
    named = config.get("system_info", "default_user", "name")
    return bool(named) and _names_default(config.get("users"))


def _names_default(users: Value) -> bool:
    """`default` by itself, among names with commas between them, or as a mapping of that name."""
    match users:
        case str():
            return DEFAULT in [name.strip() for name in users.split(",")]
        case dict():
            return DEFAULT in users
        case list():
            return any(map(_is_default, users))
    return False


def _is_default(item: Value) -> bool:
    match item:
        case {"name": name}:
            return name == DEFAULT
        case str() | dict() | list():
            return _names_default(item)
    return False


def _without_host_keys(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """sshd ends without a host key, and cloud-init makes those of the types in `ssh_genkeytypes`."""
    types = config.get("ssh_genkeytypes")
    if not isinstance(types, list) or not HOST_KEYS.isdisjoint(map(str, types)) or config.get("ssh_keys"):
        return
    made = find_files(tree, OTHER_MAKERS)
    if any(map(tree.is_file, SSHD)) and isinstance(made, Known) and not made.value:
        where, shown = config.where("ssh_genkeytypes"), printable(", ".join(map(str, types)))
        yield f"{where}: ssh_genkeytypes: [{shown}] makes no host key for sshd, which ends without one"


def _elsewhere(config: CloudConfig) -> Iterator[str]:
    """Addresses that are asked in place of Nova's; names are looked up in the cloud, where they may be it."""
    keys = ("datasource", "OpenStack", "metadata_urls")
    listed = config.datasources
    if listed is not None and not any("openstack" in name.lower() for name in listed.value):
        return
    urls = config.get(*keys)
    hosts = [_address(str(url)) for url in urls] if isinstance(urls, list) else []
    if hosts and None not in hosts and METADATA.isdisjoint(hosts):
        yield (
            f"{config.where(*keys)}: metadata_urls names {printable(str(hosts[0]))}, and not "
            "169.254.169.254, where OpenStack's metadata service is"
        )


def _address(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `url`; None where it has a name, or is none."""
    with suppress(ValueError):
        return ipaddress.ip_address((urlsplit(url).hostname or "").partition("%")[0])
    return None
