"""Answers that no real Keystone or Glance gives: each command ends soon with status 6, and says what came."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.in_process import imgtool_here
from support.odd_cloud import (
    PASSWORD,
    PROJECT,
    TOKEN,
    Answer,
    CloudBeforeRocky,
    OddCloud,
    bomb,
    dripping_head,
    endless,
    json_of,
    pages,
    response,
)
from support.policies import lenient

from imgtool.glance import attempts, retry, transport
from imgtool.glance import cloud as cloud_module

pytestmark = pytest.mark.series(3)

Spoilt = Callable[[], Answer]

DISCOVERY, SIGN_IN = ("GET", "/v3"), ("POST", "/v3/auth/tokens")
LIST, CREATE, SHOW = ("GET", "/v2/images"), ("POST", "/v2/images"), ("GET", "/v2/images/ID")
PATCH, STORES, USAGE = ("PATCH", "/v2/images/ID"), ("GET", "/v2/info/stores"), ("GET", "/v2/info/usage")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OddCloud]:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(transport, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(cloud_module, "REQUEST_SECONDS", 1.0)
    for module in (attempts, retry):
        monkeypatch.setattr(module, "PAUSES_SECONDS", (0.01, 0.01))
    with OddCloud() as cloud:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml(tmp_path / "clouds.yaml")))
        yield cloud


def words(command: str, folder: Path) -> list[str | Path]:
    if command == "doctor":
        return ["doctor", "--cloud", "odd"]
    image = folder / "disk.raw"
    image.write_bytes(bytes(4096) + os.urandom(4096))
    more = ["--policy", lenient(folder), "-O", "raw"] if command == "prepare" else []
    return [command, image, "--cloud", "odd", "--name", "x", "--timeout", "1", *more]


def refused(command: str, odd: OddCloud, folder: Path, *said: str) -> None:
    """Soon, with a message that says which request it was; nothing is left, and nothing secret is shown."""
    began = time.monotonic()
    run = imgtool_here(*words(command, folder))
    shown = run.stdout + run.stderr
    assert run.returncode == 6, shown
    assert "Traceback" not in shown
    assert "internal error" not in shown
    assert all(word in shown for word in said), shown
    assert TOKEN not in shown
    assert PASSWORD not in shown
    assert len(shown) < 4000
    assert time.monotonic() - began < 30
    assert list(folder.glob("state/imgtool/uploads/*")) == [] or "DELETE /v2/images/ID" in odd.asked


@pytest.mark.parametrize("command", ["upload", "prepare", "doctor"])
def test_a_healthy_one(command: str, odd: OddCloud, tmp_path: Path) -> None:
    run = imgtool_here(*words(command, tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr


BOUNDLESS: dict[str, tuple[Spoilt, str]] = {
    "bomb": (bomb, "is larger than 32.0 MiB"),
    "endless": (endless, "is larger than 32.0 MiB"),
    "dripping": (lambda: endless(b" ", 0.02), "did not end within"),
    "dripping head": (dripping_head, "did not end within"),
    "nested": (lambda: response(b"[" * 200_000), "nested too deeply"),
    "wide": (lambda: response(b"[" + b"{}," * 2_000_000 + b"{}]"), "more than 1000000 values"),
    "coded": (lambda: response(b"{}", Content_Encoding="br"), "is coded as 'br'"),
}


@pytest.mark.parametrize("kind", BOUNDLESS)
@pytest.mark.parametrize("route", [SIGN_IN, LIST, SHOW], ids="-".join)
def test_without_bounds(kind: str, route: tuple[str, str], odd: OddCloud, tmp_path: Path) -> None:
    spoilt, said = BOUNDLESS[kind]
    odd.spoil(*route, spoilt)
    refused("upload", odd, tmp_path, said, f"{route[0]} {odd.url}{route[1].partition('ID')[0]}")


@pytest.mark.parametrize("kind", BOUNDLESS)
def test_without_bounds_before_anything_else(kind: str, odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*DISCOVERY, BOUNDLESS[kind][0])
    refused("doctor", odd, tmp_path, BOUNDLESS[kind][1])


@pytest.mark.parametrize("command", ["prepare", "doctor"])
@pytest.mark.parametrize("kind", ["bomb", "dripping", "nested"])
def test_without_bounds_by_other_commands(kind: str, command: str, odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*LIST, BOUNDLESS[kind][0])
    refused(command, odd, tmp_path, BOUNDLESS[kind][1])


RECORD = {"id": "x", "status": "active", "name": "x"}
MALFORMED: dict[str, Any] = {
    "a list": [1], "a number": 3, "a text": "x" * 100_000, "nothing": None, "truth": True, "empty": {},
    "no id": {"status": "queued"}, "an id of many": {**RECORD, "id": ["x"]},
    "an endless id": {**RECORD, "id": "x" * 9999},
    "a size as text": {**RECORD, "size": "12"}, "a size below nothing": {**RECORD, "size": -1},
    "a huge size": {**RECORD, "size": 10**400}, "a broken size": {**RECORD, "size": 1e999},
    "an odd flag": {**RECORD, "protected": "no"}, "an odd name": {**RECORD, "name": {"a": 1}},
    "another image": {**RECORD, "id": "0b0e4d1e-8f5a-4c57-9c1c-8f6b0d0c7a11"},
}  # fmt: skip


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("route", [CREATE, SHOW, PATCH], ids="-".join)
def test_an_image_that_is_none(kind: str, route: tuple[str, str], odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*route, lambda: json_of(MALFORMED[kind]))
    refused("upload", odd, tmp_path, "not understood", f"{odd.url}/v2/images")


@pytest.mark.parametrize(
    "content", [b"NaN", b'{"images": NaN}', b"{", b"\xff\xfe\x00", b"<html>welcome</html>", b""], ids=repr
)
@pytest.mark.parametrize("command", ["upload", "doctor"])
def test_what_is_no_json(command: str, content: bytes, odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*LIST, lambda: response(content))
    refused(command, odd, tmp_path, "not understood: it is no JSON", f"GET {odd.url}/v2/images")


LISTS = [[], {"images": 3}, {"images": [3]}, {"images": {"a": 1}}, {"images": [{"id": 3}]}, {"images": "x"}]


@pytest.mark.parametrize("document", LISTS, ids=repr)
def test_a_list_of_images_that_is_none(document: object, odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*LIST, lambda: json_of(document))
    refused("upload", odd, tmp_path, f"GET {odd.url}/v2/images")


@pytest.mark.parametrize(
    "document",
    [{"stores": 3}, {"stores": ["x"]}, [], {"usage": 3}, {"usage": {"a": {"limit": "1", "usage": 2}}},
     {"usage": {"a": {"limit": 10**400, "usage": 2}}}, {"usage": {"a": 3}}, {"versions": 3}],
    ids=lambda one: repr(one)[:40],
)  # fmt: skip
def test_what_a_cloud_tells_of_itself(document: Any, odd: OddCloud, tmp_path: Path) -> None:
    route = {"stores": STORES, "usage": USAGE, "versions": ("GET", "/versions")}
    odd.spoil(*route[next(iter(document), "stores")], lambda: json_of(document))
    refused("doctor", odd, tmp_path, "not understood")


@pytest.mark.parametrize("marker", [lambda _: "same", lambda number: str(number % 3), str])
def test_pages_without_an_end(
    marker: Callable[[int], str], odd: OddCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.glance.images.MAX_PAGES", 20)
    odd.spoil(*LIST, pages(marker))
    refused("upload", odd, tmp_path, "list of images does not end", f"GET {odd.url}/v2/images")
    assert odd.asked.count("GET /v2/images") < 60


TOKENS: list[Any] = [
    [], 3, None, {"token": []}, {"token": 3}, {"token": {}}, {"token": {"methods": 3, "expires_at": 1e999}},
    {"token": {"project": [], "catalog": 3}}, {"token": {"project": {"id": ["x"]}, "catalog": [3]}},
    {"token": {"project": {"id": "p"}, "catalog": [{"type": "image", "endpoints": 3}], "expires_at": "soon"}},
    {"token": {"project": {"id": "p"}, "catalog": [{"type": "image", "endpoints": [{"url": 3}]}]}},
]  # fmt: skip


@pytest.mark.parametrize("command", ["upload", "doctor"])
@pytest.mark.parametrize("document", TOKENS, ids=lambda one: repr(one)[:50])
def test_an_odd_token(document: Any, command: str, odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*SIGN_IN, lambda: json_of(document, 201, X_Subject_Token=TOKEN))
    refused(command, odd, tmp_path, "odd")


@pytest.mark.parametrize(
    "document",
    [
        [],
        3,
        {"version": 3},
        {"version": {"id": 3, "links": 3}},
        {"versions": {"values": 3}},
        {"versions": [3]},
    ],
    ids=repr,
)
def test_an_odd_discovery(document: Any, odd: OddCloud, tmp_path: Path) -> None:
    """keystoneauth goes on with the address that it has, or the message says what it did not understand."""
    odd.spoil(*DISCOVERY, lambda: json_of(document))
    run = imgtool_here(*words("doctor", tmp_path))
    assert run.returncode in {0, 6}, run.stdout + run.stderr
    assert "internal error" not in run.stdout + run.stderr


def test_a_redirection_is_told_with_where_to(odd: OddCloud, tmp_path: Path) -> None:
    odd.spoil(*LIST, lambda: response(b"", 308, Location="https://u:pw@image.example.org/v2/images"))
    refused("upload", odd, tmp_path, "HTTP 308: redirected to https://image.example.org/v2/images")


CHANGES: dict[str, dict[str, Any]] = {
    "visibility": {"visibility": "public"},
    "owner": {"owner": "f" * 32},
    "name": {"name": "another"},
    "disk_format": {"disk_format": "iso"},
    "container_format": {"container_format": "docker"},
}


@pytest.mark.parametrize("moment", ["created", "sent"])
@pytest.mark.parametrize("what", CHANGES)
def test_a_record_that_is_not_what_was_asked_for(
    what: str, moment: str, odd: OddCloud, tmp_path: Path
) -> None:
    """Where it is so from the beginning no byte is sent. In any case it is deleted again."""
    (odd.when_created if moment == "created" else odd.when_sent).update(CHANGES[what])
    run = imgtool_here(*words("upload", tmp_path))
    assert run.returncode == 5, run.stderr
    assert f"its {what} is" in run.stderr or (what == "disk_format" and "disk format is iso" in run.stderr)
    assert "DELETE /v2/images/ID" in odd.asked
    assert odd.image == {}
    assert ("PUT /v2/images/ID/file" in odd.asked) == (moment == "sent")


def test_harmless_differences_are_notes(odd: OddCloud, tmp_path: Path) -> None:
    """A policy that adds properties changes nothing that was asked for."""
    odd.when_created = {"min_ram": 512, "os_hidden": True, "cloud_says": "hello", "tags": ["ours"]}
    run = imgtool_here(*words("upload", tmp_path), "--output", "json")
    assert run.returncode == 0, run.stderr
    assert "min_ram is 512 there, wanted was 0" in run.stdout
    assert "hidden is True there" in run.stdout
    assert "cloud_says" not in run.stdout


def test_members_that_nobody_asked_for(odd: OddCloud, tmp_path: Path) -> None:
    members = ("GET", "/v2/images/ID/members")
    odd.spoil(*members, lambda: json_of({"members": [{"member_id": "a"}, {"member_id": "stranger"}]}))
    odd.spoil("POST", "/v2/images/ID/members", lambda: json_of({"member_id": "a"}))
    run = imgtool_here(*words("upload", tmp_path), "--member", "a")
    assert run.returncode == 5, run.stderr
    assert "stranger" in run.stderr
    assert odd.image == {}


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudBeforeRocky]:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with CloudBeforeRocky() as cloud:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml(tmp_path / "clouds.yaml")))
        yield cloud


def test_a_glance_before_rocky_is_not_asked_to_hide(older: CloudBeforeRocky, tmp_path: Path) -> None:
    """It takes os_hidden for a property, and refuses one that is not text."""
    run = imgtool_here(*words("upload", tmp_path))
    assert run.returncode == 0, run.stderr
    assert "md5" in run.stdout
    assert "os_hidden" not in older.image


def test_there_an_image_of_that_name_is_found_all_the_same(older: CloudBeforeRocky, tmp_path: Path) -> None:
    old = {"id": "0f0e0d0c-0b0a-4900-8807-060504030201", "name": "x", "status": "active", "owner": PROJECT,
           "size": 1, "checksum": "0" * 32, "disk_format": "raw", "container_format": "bare"}  # fmt: skip
    older.there.append(dict(old))
    run = imgtool_here(*words("upload", tmp_path))
    assert run.returncode == 6
    assert "0f0e0d0c" in run.stderr
    run = imgtool_here(*words("upload", tmp_path), "--replace")
    assert run.returncode == 0, run.stderr
    assert older.image["name"] == "x"
    assert older.there[0]["name"].startswith("x (replaced ")


def test_there_hidden_is_refused_before_anything_is_sent(older: CloudBeforeRocky, tmp_path: Path) -> None:
    run = imgtool_here(*words("upload", tmp_path), "--hidden")
    assert run.returncode == 6
    assert "cannot hide images" in run.stderr
    assert "POST /v2/images" not in older.asked
