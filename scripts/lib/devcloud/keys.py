"""Fernet keys, as `keystone-manage fernet_setup` and `credential_setup` leave them."""

import base64
import os
from pathlib import Path


def write_keys(repository: Path) -> None:
    """A new key repository: 0 is the key that comes next, 1 the one in use."""
    repository.mkdir(mode=0o700)
    for index in ("0", "1"):
        key = repository / index
        key.touch(mode=0o600)
        key.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))


def key_settings(fernet: Path, credential: Path) -> str:
    """The sections of keystone.conf that name the repositories."""
    return f"""\
[fernet_tokens]
key_repository = {fernet}
[fernet_receipts]
key_repository = {fernet}
[credential]
key_repository = {credential}
"""
