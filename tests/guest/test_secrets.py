"""What an image should not hold: where, of what kind, and never the content."""

import pytest
from support.guest_tree import EMPTY_DIRECTORY, Content, Unreadable, guest_tree

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.secrets import read_secrets

HASH = "$y$j9T$abcdefgh$ijklmnopqrstuvwxyz0123456789"
ACCOUNTS = (
    "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/bin/sh\nann:x:1000:1000::/srv/ann:/bin/sh\n"
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ann@example\n"


def secrets(files: dict[str, Content]) -> tuple[str, ...]:
    return read_secrets(guest_tree(files)).value


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (HASH, "password hash"),
        (f"!{HASH}", "password hash"),
        ("$6$salt$0123456789", "password hash"),
        ("$1$salt$0123456789", "password hash"),
        ("abJnggxhB/yWI", "password hash"),
        ("", "empty password"),
    ],
)
def test_passwords(field: str, kind: str) -> None:
    assert secrets({"/etc/shadow": f"root:{field}:19000:0:99999:7:::\n"}) == (f"/etc/shadow: {kind} of root",)


@pytest.mark.parametrize("field", ["*", "!", "!!", "!*", "x", "!locked", "*LK*", "!unprovisioned", "NP"])
def test_what_vendors_write_where_nobody_may_log_in(field: str) -> None:
    assert secrets({"/etc/shadow": f"root:{field}:19000:0:99999:7:::\ndaemon:*:1::::::\n"}) == ()


def test_the_copy_of_the_state_before_the_last_change() -> None:
    files: dict[str, Content] = {"/etc/shadow": "root:*:1::::::\n", "/etc/shadow-": f"root:{HASH}:1::::::\n"}
    assert secrets(files) == ("/etc/shadow-: password hash of root",)


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("/root/.ssh/authorized_keys", f"# mine\n{KEY}", "SSH key that may log in"),
        ("/home/debian/.ssh/authorized_keys", KEY, "SSH key that may log in"),
        ("/srv/ann/.ssh/authorized_keys2", KEY, "SSH key that may log in"),
        ("/root/.ssh/id_rsa", "-----BEGIN", "private SSH key"),
        ("/root/.bash_history", "ls\n", "shell history"),
        ("/home/debian/.zsh_history", "ls\n", "shell history"),
        ("/home/debian/.local/share/fish/fish_history", "- cmd: ls\n", "shell history"),
        ("/root/.ssh/deploy", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "private SSH key"),
        ("/home/debian/.ssh/a.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n", "private SSH key"),
        ("/home/debian/cloud.pem", "-----BEGIN RSA PRIVATE KEY-----\n", "private key"),
        ("/root/.netrc", "machine x login y password z\n", "credentials"),
        ("/root/.git-credentials", "https://a:b@c\n", "credentials"),
        ("/root/.aws/credentials", "[default]\naws_secret_access_key = x\n", "credentials"),
        ("/root/.config/openstack/clouds.yaml", "clouds: {a: {auth: {password: x}}}\n", "credentials"),
        ("/etc/openstack/clouds.yaml", "clouds: {a: {auth: {password: x}}}\n", "credentials"),
        ("/root/admin-openrc.sh", "export OS_PASSWORD=x\n", "credentials"),
        ("/root/.docker/config.json", '{"auths": {"x": {"auth": "eA=="}}}', "credentials"),
        ("/root/.kube/config", "users: [{user: {token: x}}]\n", "credentials"),
        ("/etc/apt/auth.conf.d/x.conf", "machine x login y password z\n", "credentials"),
        ("/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = x\n", "credentials"),
        ("/etc/pki/consumer/key.pem", "-----BEGIN PRIVATE KEY-----\n", "credentials"),
        ("/etc/dropbear/authorized_keys", KEY, "SSH key that may log in"),
        ("/var/lib/dhcp/dhclient.eth0.leases", "lease {}\n", "DHCP lease"),
        ("/var/lib/dhclient/dhclient--eth0.lease", "lease {}\n", "DHCP lease"),
        ("/var/lib/NetworkManager/internal-1-eth0.lease", "ADDRESS=1\n", "DHCP lease"),
    ],
)
def test_each_kind(path: str, text: str, kind: str) -> None:
    assert secrets({"/etc/passwd": ACCOUNTS, path: text}) == (f"{path}: {kind}",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/root/.ssh/authorized_keys", ""),
        ("/root/.ssh/authorized_keys", "# no keys\n\n"),
        ("/root/.ssh/id_rsa.pub", KEY),
        ("/root/.bash_history", ""),
        ("/usr/sbin/.bash_history", "ls\n"),
        ("/var/lib/dhcp/dhclient.leases", ""),
        ("/var/lib/NetworkManager/secret_key", "x"),
        ("/var/lib/NetworkManager/seen-bssids", "x"),
        ("/var/lib/systemd/random-seed", "x"),
        ("/root/.ssh/known_hosts", "x ssh-ed25519 AAAA\n"),
        ("/root/.ssh/config", "Host x\n"),
        ("/root/.docker/config.json", '{"credsStore": "desktop"}'),
        ("/root/.config/openstack/clouds.yaml", "clouds: {a: {auth: {auth_url: x}}}\n"),
        ("/root/openrc.sh", "read -sr PASSWORD\nexport OS_PASSWORD=$PASSWORD\n"),
        ("/root/ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("/etc/dropbear/authorized_keys", "# none\n"),
        ("/home/debian", EMPTY_DIRECTORY),
    ],
)
def test_what_is_no_secret(path: str, text: Content) -> None:
    assert secrets({"/etc/passwd": ACCOUNTS, path: text}) == ()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"root:{HASH}:0:0::/root:/bin/sh", ("/etc/passwd: password hash of root",)),
        ("root::0:0::/root:/bin/sh", ("/etc/passwd: empty password of root",)),
        ("root:x:0:0::/root:/bin/sh", ()),
        ("+::::::", ()),
    ],
)
def test_a_password_in_passwd(line: str, found: tuple[str, ...]) -> None:
    assert secrets({"/etc/passwd": f"{line}\n"}) == found


def test_keys_where_sshd_s_configuration_names_them() -> None:
    files: dict[str, Content] = {
        "/etc/ssh/sshd_config.d/x.conf": "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u\n",
        "/etc/ssh/keys/root": KEY,
    }
    assert secrets(files) == ("/etc/ssh/keys/root: SSH key that may log in",)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("password: hunter2", "password"),
        ("chpasswd: {list: ['root:hunter2']}", "password"),
        ("chpasswd: {users: [{name: a, password: b, type: text}]}", "password"),
        ("users: [{name: a, plain_text_passwd: b}]", "password"),
        ("system_info: {default_user: {name: a, hashed_passwd: b}}", "password"),
        ("ssh_authorized_keys: [ssh-ed25519 AAAA]", "SSH key that may log in"),
        ("users: [default, {name: a, ssh_authorized_keys: [ssh-ed25519 AAAA]}]", "SSH key that may log in"),
        ("chpasswd: {expire: false}", ""),
        ("chpasswd: {list: ['root:RANDOM']}", ""),
        ("users: [default]", ""),
        ("system_info: {default_user: {name: a, lock_passwd: true, passwd: '*'}}", ""),
    ],
)
def test_what_cloud_init_gives_to_each_instance(text: str, kind: str) -> None:
    tree = guest_tree({"/etc/cloud/cloud.cfg.d/x.cfg": text})
    found = read_secrets(tree, cloud_config_fact(tree))
    wanted = (f"/etc/cloud/cloud.cfg.d/x.cfg: {kind} of cloud-init's configuration",) if kind else ()
    assert found.value == wanted
    assert "hunter2" not in f"{found.value}{found.evidence}"


def test_the_content_is_never_told() -> None:
    files: dict[str, Content] = {
        "/etc/shadow": f"root:{HASH}:1::::::\n",
        "/root/.bash_history": "mysql -phunter2\n",
        "/root/.ssh/authorized_keys": KEY,
    }
    fact = read_secrets(guest_tree(files))
    assert len(fact.value) == 3
    told = f"{fact.value}{fact.evidence}"
    assert not any(word in told for word in (HASH[4:], "hunter2", "AAAAC3"))


def test_hostile_names_are_made_harmless() -> None:
    files: dict[str, Content] = {"/etc/shadow": "a\x1b[31m::1::::::\n", "/home/\x1b]0;/.bash_history": "x"}
    assert "\x1b" not in "".join(secrets(files))


def test_what_cannot_be_read_is_no_answer() -> None:
    for path in ("/etc/shadow", "/etc/passwd", "/root/.ssh/authorized_keys"):
        with pytest.raises(GuestReadError):
            secrets({path: Unreadable()})
    with pytest.raises(GuestReadError, match="more than 200 home directories"):
        secrets({f"/home/u{number}": EMPTY_DIRECTORY for number in range(201)})
