"""What is told of accounts, units, settings and files, and that it is read only where it is asked for."""

import hashlib
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.guest_tree import Content, File, Link, Unreadable, guest_tree
from support.made_filesystems import make_btrfs, make_ext, make_xfs_volume

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.inventory import files, read_inventory
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import GuestQuery, Known, Unknown
from imgtool.model.inventory import NO_INVENTORY, Items


def told(kind: str, found: dict[str, Content], query: GuestQuery | None = None) -> Items:
    fact = read_inventory(guest_tree(found), query or GuestQuery(settings=True)).settings[kind]
    assert isinstance(fact, Known), fact
    return fact.value


def test_nothing_is_read_unless_it_is_asked_for() -> None:
    assert read_inventory(guest_tree({"/etc/passwd": Unreadable()}), GuestQuery()) == NO_INVENTORY
    some = read_inventory(guest_tree({}), GuestQuery(packages=True))
    assert some.settings == {}
    assert isinstance(some.packages, Unknown)


def test_one_kind_that_cannot_be_read_hides_no_other() -> None:
    found = read_inventory(
        guest_tree({"/etc/passwd": Unreadable(), "/etc/group": "a:x:5:"}), GuestQuery(settings=True)
    )
    assert found.settings["users"] == Unknown("bad block")
    assert found.settings["groups"] == Known({"a": "gid 5, members: none"}, "1 groups")


HASH = "$6$salt$" + "x" * 86
ACCOUNTS = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1::/:/usr/sbin/nologin
# comment
broken:x
open::1000:1000::/home/open:
debian:x:1001:1001:,,,:/home/debian:/bin/sh
locked:x:1002:1002::/h:/bin/sh
old:x:1003:1003::/h:/bin/sh
"""
SHADOW = f"root:{HASH}:1:0\ndaemon:*:1\ndebian:!:1\nlocked:!{HASH}:1\nold:!!:1\n"


def test_users_are_told_with_the_kind_of_their_password_and_never_with_its_hash() -> None:
    users = told("users", {"/etc/passwd": ACCOUNTS, "/etc/shadow": SHADOW})
    assert users["root"] == "uid 0, gid 0, home /root, shell /bin/bash, password set"
    assert users["open"] == "uid 1000, gid 1000, home /home/open, shell /bin/sh, empty password"
    assert [users[name].rpartition(", ")[2] for name in ("daemon", "debian", "locked", "old")] == [
        "no password", "no password", "password locked", "no password",
    ]  # fmt: skip
    assert "broken" not in users
    assert not any("salt" in said for said in users.values())


def test_groups_and_their_members_in_one_order() -> None:
    assert told("groups", {"/etc/group": "sudo:x:27:b,a\n"}) == {"sudo": "gid 27, members: a, b"}


def test_rules_of_sudo_without_comments() -> None:
    found = told(
        "sudoers",
        {
            "/etc/sudoers": "# x\nDefaults  env_reset\nroot ALL=(ALL) \\\n ALL\n#includedir /etc/sudoers.d\n",
            "/etc/sudoers.d/90-cloud": "debian ALL=(ALL) NOPASSWD:ALL\n#1000 ALL=ALL\n",
            "/etc/sudoers.d/off.disabled": "evil ALL=ALL\n",
            "/etc/sudoers.d/backup~": "evil ALL=ALL\n",
        },
    )
    assert list(found) == [
        "/etc/sudoers.d/90-cloud: #1000 ALL=ALL",
        "/etc/sudoers.d/90-cloud: debian ALL=(ALL) NOPASSWD:ALL",
        "/etc/sudoers: #includedir /etc/sudoers.d",
        "/etc/sudoers: Defaults env_reset",
        "/etc/sudoers: root ALL=(ALL) ALL",
    ]


UNIT = "[Unit]\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
ETC, USR = "/etc/systemd/system", "/usr/lib/systemd/system"
UNITS: dict[str, Content] = {
    f"{USR}/on.service": UNIT,
    f"{USR}/off.service": UNIT,
    f"{USR}/masked.service": UNIT,
    f"{USR}/shipped-masked.service": Link("/dev/null"),
    f"{USR}/multi-user.target": "[Unit]\n",
    f"{USR}/static.service": "[Service]\nExecStart=/bin/true\n",
    f"{USR}/multi-user.target.wants/static.service": Link("../static.service"),
    f"{ETC}/multi-user.target.wants/on.service": Link("/usr/lib/systemd/system/on.service"),
    f"{ETC}/masked.service": Link("/dev/null"),
    f"{ETC}/dbus-org.on.service": Link("/usr/lib/systemd/system/on.service"),
}


def test_units_are_told_as_systemctl_tells_them(tmp_path: Path) -> None:
    write(UNITS, tmp_path)
    options = ("--root", tmp_path, "--no-legend", "--no-pager", "--plain")
    shown = subprocess.run(
        ["systemctl", *options, "list-unit-files"], check=True, capture_output=True, text=True
    ).stdout
    states = {line.split()[0]: line.split()[1] for line in shown.splitlines()}
    found = told("units", UNITS)
    ours = {name: said.split()[0] for name, said in found.items()}
    assert {name for name, state in states.items() if state == "enabled"} == {
        name for name, state in ours.items() if state == "enabled"
    }
    assert {name for name, state in states.items() if state == "masked"} == {
        name for name, state in ours.items() if state == "masked"
    }
    assert {name for name, state in states.items() if state == "alias"} == {
        name for name, state in ours.items() if state == "alias"
    }
    assert found["on.service"] == "enabled by multi-user.target"


def write(found: dict[str, Content], top: Path) -> None:
    for path, content in found.items():
        place = top / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content.target)
        else:
            place.write_text(str(content))


def test_services_of_openrc_by_their_runlevels() -> None:
    runlevels: dict[str, Content] = {
        "/etc/runlevels/default/sshd": Link("/etc/init.d/sshd"),
        "/etc/runlevels/boot/sshd": Link("/etc/init.d/sshd"),
    }
    assert told("units", runlevels) == {"sshd": "enabled by runlevel boot and runlevel default"}


def test_the_first_value_of_a_keyword_counts_and_includes_stand_where_they_are() -> None:
    found = told(
        "sshd",
        {
            "/etc/ssh/sshd_config": (
                "# Port 1\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nPort 22\nPort=2222\n"
                "  PasswordAuthentication  no\nMatch User backup\nPermitRootLogin no\nMatch all\nUsePAM yes\n"
            ),
            "/etc/ssh/sshd_config.d/50-cloud.conf": "PermitRootLogin prohibit-password\n",
            "/etc/ssh/sshd_config.d/ignored.txt": "UsePAM no\n",
        },
    )
    assert found == {
        "match User backup: permitrootlogin": "no",
        "passwordauthentication": "no",
        "permitrootlogin": "prohibit-password",
        "port": "22; 2222",
        "usepam": "yes",
    }
    assert told("sshd", {}) == {}


def test_a_configuration_that_includes_itself_is_unknown() -> None:
    found = read_inventory(
        guest_tree({"/etc/ssh/sshd_config": "Include sshd_config\n"}), GuestQuery(settings=True)
    ).settings["sshd"]
    assert isinstance(found, Unknown)
    assert "16 levels" in found.reason


def test_cloud_inits_configuration_is_told_without_its_secrets() -> None:
    found = told(
        "cloud-config",
        {
            "/etc/cloud/cloud.cfg": (
                "disable_root: 1\nsystem_info: {default_user: {name: debian, plain_text_passwd: hunter2}}\n"
                "users: [default, {name: x, passwd: hunter2, ssh_authorized_keys: [ssh-ed25519 AAAA]}]\n"
                "write_files: [{path: /x, content: hunter2}]\napt: {proxy: 'http://me:hunter2@proxy'}\n"
            ),
            "/etc/cloud/cloud.cfg.d/99.cfg": (
                "datasource_list: [ConfigDrive, OpenStack]\nchpasswd: {list: 'a:hunter2'}\n"
            ),
        },
    )
    assert not any("hunter2" in said for said in found.values())
    assert found["datasource_list"] == '["ConfigDrive", "OpenStack"]'
    assert found["system_info.default_user.name"] == '"debian"'
    assert found["chpasswd"] == found["write_files"] == "***"
    assert '"name": "x"' in found["users"]


def test_what_is_long_is_told_by_its_beginning_and_differs_where_its_end_does() -> None:
    one, two = (told("groups", {"/etc/group": f"g:x:1:{'a' * 400}{end}\n"})["g"] for end in "xy")
    assert len(one) < 350
    assert one != two


def capability(permitted: int) -> bytes:
    return struct.pack("<IIIII", 0x02000001, permitted & 0xFFFFFFFF, 0, permitted >> 32, 0)


def test_files_with_rights_of_their_own() -> None:
    found = told(
        "privileged",
        {
            "/usr/bin/sudo": File(b"x", 0o4755),
            "/usr/bin/wall": File(b"x", 0o2755),
            "/usr/bin/ping": File(b"x", 0o755, {"security.capability": capability(1 << 13)}),
            "/usr/bin/data": File(b"x", 0o4644),
            "/usr/bin/plain": File(b"x", 0o755),
            "/usr/bin/link": Link("sudo"),
        },
        GuestQuery(privileged=True),
    )
    assert found == {
        "/usr/bin/ping": "mode 0755, owner 0:0, capabilities 0x2000",
        "/usr/bin/sudo": "mode 4755, owner 0:0",
        "/usr/bin/wall": "mode 2755, owner 0:0",
    }


def test_all_files_below_chosen_directories() -> None:
    found = told(
        "files",
        {"/etc/a": File(b"abc", 0o600), "/etc/d/link": Link("../a"), "/usr/x": "not chosen", "/one": "1"},
        GuestQuery(trees=("/etc", "/one", "/nothing")),
    )
    assert (
        found["/etc/a"] == f"file, mode 0600, owner 0:0, 3 bytes, sha256 {hashlib.sha256(b'abc').hexdigest()}"
    )
    assert found["/etc/d/link"] == "link to ../a, owner 0:0"
    assert found["/etc/d"].startswith("directory, mode 0755")
    assert set(found) == {"/etc/a", "/etc/d", "/etc/d/link", "/one"}


def test_more_to_hash_than_there_is_time_for_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_HASHED_BYTES", 2)
    found = read_inventory(guest_tree({"/etc/a": "abc"}), GuestQuery(trees=("/etc",))).settings["files"]
    assert isinstance(found, Unknown)
    assert "to hash: name fewer" in found.reason


@pytest.mark.parametrize(
    "make", [make_ext("ext4"), make_ext("ext2"), make_btrfs()], ids=["ext4", "ext2", "btrfs"]
)
def test_owner_and_mode_are_those_of_the_file_system(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    put_tool(tree)
    make(tree, tmp_path / "volume")
    assert privileged(tmp_path / "volume") == {"/tool": "mode 4750, owner 70001:70002"}


def test_of_xfs_as_well(tmp_path: Path) -> None:
    """mkfs.xfs -p keeps no owner: the kernel writes it."""
    (tmp_path / "empty").mkdir()
    make_xfs_volume()(tmp_path / "empty", tmp_path / "volume")
    place = tmp_path / "mounted"
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", tmp_path / "volume", place], check=True)
    try:
        put_tool(place)
    finally:
        subprocess.run(["umount", place], check=True)
    assert privileged(tmp_path / "volume") == {"/tool": "mode 4750, owner 70001:70002"}


def put_tool(directory: Path) -> None:
    tool = directory / "tool"
    tool.write_bytes(b"x")
    os.chown(tool, 70_001, 70_002)
    tool.chmod(0o4750)


def privileged(volume: Path) -> Items:
    with volume.open("rb") as stream:
        filesystem = open_filesystem(stream, volume.stat().st_size)
        assert filesystem is not None
        return files.read_privileged(GuestTree({"/": filesystem.root()}))
