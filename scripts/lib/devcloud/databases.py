"""The databases: made and filled once for all clouds, then copied and given each cloud's ports and passwords.

Keystone's bootstrap takes several seconds, a copy none. The columns written here are those of the pinned
release of Keystone: tables `endpoint`, `local_user` and `password`.
"""

import contextlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devcloud.errors import DevcloudError

PLACEHOLDER = "http://{type}.invalid"
"""The URL of a service that each cloud serves elsewhere, or not at all."""

# The cheapest rounds that bcrypt allows: the passwords live as long as the cloud's folder.
_HASH = (
    "import bcrypt, json, sys; json.dump({name: bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode() "
    "for name, word in json.load(sys.stdin).items()}, sys.stdout)"
)


def copy_database(template: Path, target: Path) -> None:
    """A database for one cloud."""
    shutil.copyfile(template, target)


def personalise(
    database: Path, python: Path, *, urls: Mapping[str, str], passwords: Mapping[str, str]
) -> None:
    """Writes the cloud's URLs, by type of service, and its users' passwords into its Keystone database.

    A service that has no URL here is not in the catalogue.
    """
    places = [(url, PLACEHOLDER.format(type=service)) for service, url in urls.items()]
    hashes = [(digest, name) for name, digest in _hashes(python, passwords).items()]
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("UPDATE endpoint SET url = ? WHERE url = ?", places)
        connection.execute("DELETE FROM endpoint WHERE url LIKE ?", (PLACEHOLDER.format(type="%"),))
        connection.execute("DELETE FROM service WHERE id NOT IN (SELECT service_id FROM endpoint)")
        connection.executemany(
            "UPDATE password SET password_hash = ? "
            "WHERE local_user_id = (SELECT id FROM local_user WHERE name = ?)",
            hashes,
        )


def _hashes(python: Path, passwords: Mapping[str, str]) -> dict[str, str]:
    """Each password as Keystone stores it; they travel by pipe, never by an argument that `ps` shows."""
    done = subprocess.run(
        [str(python), "-I", "-c", _HASH], input=json.dumps(dict(passwords)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise DevcloudError(f"bcrypt failed: {done.stderr.strip()}")
    hashes: dict[str, str] = json.loads(done.stdout)
    return hashes
