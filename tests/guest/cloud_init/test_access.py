"""Who gets into an instance, by cloud-init's own configuration."""

import pytest
from support.cloud_init_guest import Change, cfg, read
from support.cloud_init_users import HAS_DEFAULT

OTHERS_GET_IN = [
    "disable_root: false\nusers: []",
    "users: [{name: bob, ssh_authorized_keys: [ssh-ed25519 AAAA]}]",
    "users: [{name: bob, plain_text_passwd: x, lock_passwd: false}]",
]
SSHD: Change = {"/usr/sbin/sshd": "\x7fELF"}


@pytest.mark.parametrize(("text", "has_default"), HAS_DEFAULT.items())
def test_the_keys_of_an_instance_are_the_default_users(text: str, *, has_default: bool) -> None:
    enabled = read(cfg(text)).enabled
    assert enabled.value is has_default
    assert has_default or "no default user" in enabled.evidence


@pytest.mark.parametrize("text", OTHERS_GET_IN)
def test_others_may_get_in(text: str) -> None:
    assert read(cfg(text)).enabled.value is True


def test_an_account_of_the_image_has_keys_of_its_own() -> None:
    own: Change = {"/home/ops/.ssh/authorized_keys": "ssh-ed25519 AAAA\n", **cfg("users: []")}
    assert read(own).enabled.value is True


def test_a_distribution_may_make_users_by_modules_of_its_own() -> None:
    own: Change = {"/etc/os-release": "ID=vyos\n", **cfg("users: []\ncloud_config_modules: [vyos_userdata]")}
    assert read(own).enabled.value is True


@pytest.mark.parametrize(
    ("text", "more", "works"),
    [
        ("ssh_genkeytypes: []", SSHD, False),
        ("ssh_genkeytypes: [dsa]", SSHD, False),
        ("ssh_genkeytypes: [dsa, ed25519]", SSHD, True),
        ("ssh_genkeytypes: []", {}, True),
        ("ssh_genkeytypes: []\nssh_keys: {ed25519_private: x}", SSHD, True),
        (
            "ssh_genkeytypes: []",
            {**SSHD, "/usr/lib/systemd/system/sshd-keygen@.service": "[Service]\n"},
            True,
        ),
    ],
)
def test_sshd_needs_a_host_key(text: str, more: Change, *, works: bool) -> None:
    enabled = read({**cfg(text), **more}).enabled
    assert enabled.value is works
    assert works or "ssh_genkeytypes" in enabled.evidence


@pytest.mark.parametrize(
    ("urls", "works"),
    [
        ('["http://10.0.0.9"]', False),
        ('["http://10.0.0.9:8080/x", "http://[fd00::1]"]', False),
        ('["http://10.0.0.9", "http://169.254.169.254"]', True),
        ('["http://[fe80::a9fe:a9fe%25ens3]"]', True),
        ('["http://metadata.cloud"]', True),
        ("[]", True),
        ("http://10.0.0.9", True),
        ("[5]", True),
    ],
)
def test_metadata_is_asked_for_where_openstack_has_it(urls: str, *, works: bool) -> None:
    enabled = read(cfg(f"datasource: {{OpenStack: {{metadata_urls: {urls}}}}}")).enabled
    assert enabled.value is works
    assert works or "metadata_urls" in enabled.evidence


def test_where_only_the_config_drive_is_read_nobody_asks() -> None:
    text = "datasource_list: [ConfigDrive]\ndatasource: {OpenStack: {metadata_urls: ['http://10.0.0.9']}}"
    assert read(cfg(text)).enabled.value is True
