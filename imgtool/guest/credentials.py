"""Credentials that programs keep in files, and those in cloud-init's own configuration.

Sources: sshd_config(5) for AuthorizedKeysFile; PEM (RFC 7468) and PuTTY's format for private keys; netrc(5),
libpq's "The Password File", mysql_config_editor(1), git-credential-store(1), npmrc(5), apt_auth.conf(5),
wg-quick(8), subscription-manager(8); the manuals of openstacksdk, the AWS CLI, Docker and kubectl;
cloud-init's cc_set_passwords, cc_users_groups and cc_ssh.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.found_files import find_files
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_values import Scalar, Value
from imgtool.util.text import printable

MAX_BYTES = 256 << 10
MAX_FILES = 500
HEAD_BYTES = 4096
IN_CLOUD_CONFIG = "of cloud-init's configuration"
"""How a finding ends that is a part of a file and not the whole of it."""
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-", re.MULTILINE)
ANYTHING = re.compile(rb"\S")
OF_HOMES = {
    ".netrc": re.compile(rb"\bpassword\s+\S"),
    ".pgpass": ANYTHING,
    ".my.cnf": re.compile(rb"^[ \t]*password[ \t]*=[ \t]*\S", re.MULTILINE),
    ".mylogin.cnf": ANYTHING,
    ".git-credentials": ANYTHING,
    ".config/git/credentials": ANYTHING,
    ".aws/credentials": re.compile(rb"aws_secret_access_key\s*=\s*\S", re.IGNORECASE),
    ".config/openstack/clouds.yaml": re.compile(rb"(?:password|secret|token)[\"']?\s*:\s*\S"),
    ".config/openstack/secure.yaml": ANYTHING,
    ".docker/config.json": re.compile(rb"\"(?:auth|identitytoken)\"\s*:\s*\"[^\"]"),
    ".config/containers/auth.json": re.compile(rb"\"auth\"\s*:\s*\"[^\"]"),
    ".kube/config": re.compile(rb"(?:token|password|client-key-data)\s*:\s*\S"),
    ".npmrc": re.compile(rb"_(?:authToken|password|auth)\s*=\s*\S"),
    ".pypirc": re.compile(rb"^[ \t]*password[ \t]*[=:][ \t]*\S", re.MULTILINE),
    ".vault-token": ANYTHING,
    ".config/gh/hosts.yml": re.compile(rb"oauth_token:\s*\S"),
    ".azure/msal_token_cache.json": ANYTHING,
}
"""Files below a home, and what in them is a credential."""
RC_FILE = re.compile(r".*openrc(?:\.sh)?|.*-rc\.sh")
RC_SECRET = re.compile(
    rb"^[ \t]*(?:export[ \t]+)?OS_(?:PASSWORD|TOKEN|APPLICATION_CREDENTIAL_SECRET)=[\"']?[^\s\"'$]",
    re.MULTILINE,
)
OF_THE_SYSTEM = {
    "/etc/openstack/clouds.yaml": OF_HOMES[".config/openstack/clouds.yaml"],
    "/etc/openstack/secure.yaml": ANYTHING,
    "/etc/apt/auth.conf": OF_HOMES[".netrc"],
    "/etc/apt/auth.conf.d/*.conf": OF_HOMES[".netrc"],
    "/etc/wireguard/*.conf": re.compile(rb"^[ \t]*PrivateKey[ \t]*=[ \t]*\S", re.MULTILINE),
    "/etc/pki/consumer/key.pem": PRIVATE_KEY,
    "/etc/pki/entitlement/*-key.pem": PRIVATE_KEY,
    "/etc/sysconfig/rhn/systemid": ANYTHING,
    "/etc/zypp/credentials.d/*": re.compile(rb"^[ \t]*password[ \t]*=[ \t]*\S", re.MULTILINE),
    "/etc/letsencrypt/archive/*/privkey*.pem": PRIVATE_KEY,
    "/etc/krb5.keytab": ANYTHING,
}
SSHD_CONFIG = "/etc/ssh/sshd_config"
SSHD_PARTS = "/etc/ssh/sshd_config.d/*.conf"
DROPBEAR_KEYS = "/etc/dropbear/authorized_keys"
LOCKED = frozenset({"", "*", "!", "!!"})
PASSWORD, LOG_IN = "password", "SSH key that may log in"
PASSWORDS = ("passwd", "hashed_passwd", "plain_text_passwd")
KEYS = ("ssh_authorized_keys", "ssh-authorized-keys", "ssh_import_id")


def of_homes(tree: GuestTree, homes: Iterable[str]) -> Iterator[str]:
    """Each as `path: kind`, in the homes that are there."""
    for home in homes:
        for name, pattern in OF_HOMES.items():
            yield from _holding(tree, posixpath.join(home, name), pattern, "credentials")
        for name in tree.names(home)[:MAX_FILES]:
            path = posixpath.join(home, name)
            if RC_FILE.fullmatch(name):
                yield from _holding(tree, path, RC_SECRET, "credentials")
            elif name.endswith((".pem", ".key", ".ppk")):
                yield from _holding(tree, path, PRIVATE_KEY, "private key")


def private_ssh_keys(tree: GuestTree, directory: str) -> Iterator[str]:
    """Private keys in a .ssh: by the name that ssh-keygen gives them, or by what they begin with."""
    for name in tree.names(directory)[:MAX_FILES]:
        path = posixpath.join(directory, name)
        by_name = name.startswith("id_") and not name.endswith(".pub") and tree.size_bytes(path) > 0
        if by_name or _begins_with(tree, path, PRIVATE_KEY):
            yield f"{printable(path)}: private SSH key"


def of_the_system(tree: GuestTree) -> Iterator[str]:
    """Each as `path: kind`, in /etc."""
    for pattern, held in OF_THE_SYSTEM.items():
        for path in find_files(tree, [pattern]).value:
            yield from _holding(tree, path, held, "credentials")
    for pattern in _key_files(tree):
        for path in find_files(tree, [pattern]).value:
            if tree.is_file(path) and _has_key(tree, path):
                yield f"{printable(path)}: {LOG_IN}"


def of_cloud_config(config: CloudConfig) -> Iterator[str]:
    """Passwords and keys that each instance gets, whoever starts it."""
    if config.get("password"):
        yield _in_config(config, PASSWORD, "password")
    if config.get("ssh_authorized_keys"):
        yield _in_config(config, LOG_IN, "ssh_authorized_keys")
    for key in ("list", "users"):
        said = config.get("chpasswd", key)
        if said and not _is_random(said):
            yield _in_config(config, PASSWORD, "chpasswd", key)
    users = config.get("users")
    named = [("users", one) for one in (users if isinstance(users, list) else [])]
    for place, user in chain(named, [("system_info", config.get("system_info", "default_user"))]):
        if isinstance(user, dict):
            yield from (_in_config(config, kind, place) for kind in _of_user(user))


def _of_user(user: dict[Scalar, Value]) -> Iterator[str]:
    if any(isinstance(user.get(key), str) and user[key] not in LOCKED for key in PASSWORDS):
        yield PASSWORD
    if any(user.get(key) for key in KEYS):
        yield LOG_IN


def _is_random(value: Value) -> bool:
    """Whether each password is made at boot: `name:R`, `name:RANDOM`, or `type: RANDOM`."""
    items = value if isinstance(value, list) else str(value).split("\n")
    words = [one for one in items if one]
    return all(
        one.get("type") == "RANDOM"
        if isinstance(one, dict)
        else str(one).partition(":")[2] in {"R", "RANDOM"}
        for one in words
    )


def _in_config(config: CloudConfig, kind: str, *keys: str) -> str:
    return f"{config.where(*keys)}: {kind} {IN_CLOUD_CONFIG}"


def _key_files(tree: GuestTree) -> Iterator[str]:
    """Patterns of AuthorizedKeysFile that are not below a home; %u and %U stand for any name."""
    yield DROPBEAR_KEYS
    for path in (SSHD_CONFIG, *find_files(tree, [SSHD_PARTS]).value):
        content = tree.read_bytes(path, MAX_BYTES) if tree.is_file(path) else None
        for line in (content or b"").decode("utf-8", "replace").splitlines():
            words = line.replace("=", " ", 1).split()
            if len(words) > 1 and words[0].lower() == "authorizedkeysfile":
                absolute = [word for word in words[1:] if word.startswith("/")]
                yield from (word.replace("%u", "*").replace("%U", "*") for word in absolute)


def _has_key(tree: GuestTree, path: str) -> bool:
    content = tree.read_bytes(path, MAX_BYTES) or b""
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in content.splitlines())


def _begins_with(tree: GuestTree, path: str, pattern: re.Pattern[bytes]) -> bool:
    stream = tree.open(path) if tree.is_file(path) else None
    return stream is not None and pattern.search(stream.read(HEAD_BYTES)) is not None


def _holding(tree: GuestTree, path: str, pattern: re.Pattern[bytes], kind: str) -> Iterator[str]:
    stream = tree.open(path) if tree.is_file(path) else None
    content = stream.read(MAX_BYTES) if stream is not None else b""
    if pattern.search(content) is not None:
        yield f"{printable(path)}: {kind}"
