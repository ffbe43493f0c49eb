import pytest
from support.guest_tree import Unreadable, guest_tree

from imgtool.guest.agent_filters import read_filtered_rpcs
from imgtool.guest.agent_rpcs import KNOWN_RPCS
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Known

UNITS = ("qemu-guest-agent.service", "qemu-ga.service")
UNIT = "/usr/lib/systemd/system/qemu-guest-agent.service"
SYSCONFIG = "/etc/sysconfig/qemu-ga"
CONF = "/etc/qemu/qemu-ga.conf"


def unit(options: str, environment: str = "EnvironmentFile=-/etc/sysconfig/qemu-ga\n") -> dict[str, str]:
    return {UNIT: f"[Service]\n{environment}ExecStart=/usr/bin/qemu-ga --method=virtio-serial {options}\n"}


def filtered(files) -> Known[tuple[str, ...]]:
    return read_filtered_rpcs(guest_tree(files), UNITS)


RHEL_8 = unit("--blacklist=${BLACKLIST_RPC} -F${FSFREEZE_HOOK_PATHNAME}")
RHEL_9 = unit("--block-rpcs=${BLOCK_RPCS} -F${FSFREEZE_HOOK_PATHNAME}")
RHEL_9_4 = unit("${FILTER_RPC_ARGS} -F${FSFREEZE_HOOK_PATHNAME}")


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        (RHEL_8, "# comment\nBLACKLIST_RPC=guest-file-open,guest-exec\n"),
        (RHEL_8, 'BLACKLIST_RPC="guest-file-open, guest-exec"\n'),
        (RHEL_9, "BLOCK_RPCS=guest-file-open,guest-exec\n"),
        (RHEL_9_4, 'FILTER_RPC_ARGS="--block-rpcs=guest-file-open,guest-exec"\n'),
        (unit("$FILTER_RPC_ARGS"), 'FILTER_RPC_ARGS="-b guest-file-open,guest-exec"\n'),
    ],
)
def test_red_hat_s_settings(files, settings):
    expected = Known(("guest-exec", "guest-file-open"), SYSCONFIG)
    assert filtered(files | {SYSCONFIG: settings}) == expected


def test_an_allow_list_forbids_all_others():
    settings = 'FILTER_RPC_ARGS="--allow-rpcs=guest-ping,guest-sync,guest-fsfreeze-freeze"\n'
    found = filtered(RHEL_9_4 | {SYSCONFIG: settings})
    assert set(found.value) == set(KNOWN_RPCS) - {"guest-ping", "guest-sync", "guest-fsfreeze-freeze"}
    assert found.evidence == SYSCONFIG


def test_empty_settings_filter_nothing():
    for files in (RHEL_8, RHEL_9, RHEL_9_4):
        assert filtered(files | {SYSCONFIG: "BLACKLIST_RPC=\nBLOCK_RPCS=\nFILTER_RPC_ARGS=\n"}).value == ()
    assert filtered({}) == Known((), "no configuration filters any")


def test_settings_that_the_unit_does_not_use_have_no_effect():
    """Debian's unit starts the agent without options; its /etc/default is for System V's init."""
    files = {UNIT: "[Service]\nExecStart=-/usr/sbin/qemu-ga\n"}
    settings = {"/etc/default/qemu-guest-agent": 'DAEMON_ARGS="--block-rpcs=guest-exec"\n'}
    assert filtered(files | settings).value == ()
    assert filtered(settings) == Known(("guest-exec",), "/etc/default/qemu-guest-agent")


def test_a_drop_in_with_options():
    path = "/etc/systemd/system/qemu-guest-agent.service.d/x.conf"
    drop_in = "[Service]\nExecStart=\nExecStart=/usr/sbin/qemu-ga -b guest-fsfreeze-freeze,guest-exec\n"
    found = filtered({UNIT: "[Service]\nExecStart=-/usr/sbin/qemu-ga\n", path: drop_in})
    assert found == Known(("guest-exec", "guest-fsfreeze-freeze"), path)


def test_an_environment_in_the_unit():
    files = unit("--block-rpcs=${RPCS}", 'Environment="RPCS=guest-exec" OTHER=1\n')
    assert filtered(files).value == ("guest-exec",)


@pytest.mark.parametrize(
    ("text", "rpcs"),
    [
        ("[general]\nblacklist=guest-exec,guest-file-open\n", ("guest-exec", "guest-file-open")),
        ("[general]\n block-rpcs = guest-exec\n", ("guest-exec",)),
        ("[general]\nblock-rpcs=guest-exec;guest-ping;\n", ("guest-exec", "guest-ping")),
        ("[general]\n#block-rpcs=guest-exec\nverbose=true\n", ()),
        ("[general]\nallow-rpcs=" + ",".join(KNOWN_RPCS[1:]), KNOWN_RPCS[:1]),
    ],
)
def test_the_agent_s_own_configuration(text, rpcs):
    found = filtered({CONF: text})
    assert found.value == rpcs
    assert not rpcs or found.evidence == CONF


def test_all_places_add_up():
    files = RHEL_9 | {SYSCONFIG: "BLOCK_RPCS=guest-exec", CONF: "block-rpcs=guest-ping"}
    assert filtered(files) == Known(("guest-exec", "guest-ping"), f"{CONF}, {SYSCONFIG}")


def test_suse_s_vendor_settings_count_where_etc_has_none():
    files = unit(
        "$FILTER_RPC_ARGS",
        "EnvironmentFile=-/usr/etc/sysconfig/qemu-ga\nEnvironmentFile=-/etc/sysconfig/qemu-ga\n",
    )
    vendor = {"/usr/etc/sysconfig/qemu-ga": "FILTER_RPC_ARGS=--block-rpcs=guest-exec"}
    own = {SYSCONFIG: "FILTER_RPC_ARGS=--block-rpcs=guest-ping"}
    assert filtered(files | vendor).value == ("guest-exec",)
    assert filtered(files | vendor | own) == Known(("guest-ping",), SYSCONFIG)


def test_more_filters_than_can_be_are_an_error_and_hide_none():
    names = ",".join(f"a{number}" for number in range(600))
    with pytest.raises(GuestReadError, match="more than 500 RPCs"):
        filtered({CONF: f"block-rpcs={names},guest-fsfreeze-freeze"})


def test_an_unbalanced_quote_is_survived():
    assert filtered(unit("'--block-rpcs=guest-exec", "")).evidence == "no configuration filters any"


def test_an_unreadable_file_is_an_error():
    with pytest.raises(GuestReadError):
        filtered(RHEL_9 | {SYSCONFIG: Unreadable()})
