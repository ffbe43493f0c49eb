import pytest
from support.guest_tree import Link, Unreadable, guest_tree

from imgtool.guest.agent import read_agent
from imgtool.guest.agent.settings import filters_of_options, options_of, read_settings
from imgtool.guest.agent_rpcs import KNOWN_RPCS
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Fact, Known, Unknown

UNIT = "/usr/lib/systemd/system/qemu-guest-agent.service"
SYSCONFIG = "/etc/sysconfig/qemu-ga"
CONF = "/etc/qemu/qemu-ga.conf"


def unit(options: str, environment: str = "EnvironmentFile=-/etc/sysconfig/qemu-ga\n") -> dict[str, str]:
    return {UNIT: f"[Service]\n{environment}ExecStart=/usr/bin/qemu-ga --method=virtio-serial {options}\n"}


def filtered(files) -> Fact[tuple[str, ...]]:
    return read_agent(BootServices(guest_tree(files), parse_command_line("")), Known((), "")).filtered_rpcs


RHEL_8 = unit("--blacklist=${BLACKLIST_RPC} -F${FSFREEZE_HOOK_PATHNAME}")
RHEL_9 = unit("--block-rpcs=${BLOCK_RPCS} -F${FSFREEZE_HOOK_PATHNAME}")
RHEL_9_4 = unit("${FILTER_RPC_ARGS} -F${FSFREEZE_HOOK_PATHNAME}")


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        (RHEL_8, "# comment\nBLACKLIST_RPC=guest-file-open,guest-exec\n"),
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
    script = {"/etc/rc2.d/S01qemu-guest-agent": Link("../init.d/qemu-guest-agent"),
              "/etc/init.d/qemu-guest-agent": "#!/bin/sh\nDAEMON=/usr/sbin/qemu-ga\n"}  # fmt: skip
    assert filtered(settings | script) == Known(("guest-exec",), "/etc/default/qemu-guest-agent")


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
        ("[general]\nblock-rpcs=guest-exec;guest-ping;\n", ("guest-exec;guest-ping;",)),
        ("[general]\n#block-rpcs=guest-exec\nverbose=true\n", ()),
        ("[general]\nallow-rpcs=" + ",".join(KNOWN_RPCS[1:]), KNOWN_RPCS[:1]),
    ],
)
def test_the_agent_s_own_configuration(text, rpcs):
    found = filtered({CONF: text})
    assert found.value == rpcs
    assert not rpcs or found.evidence == CONF


def test_all_places_add_up():
    files = RHEL_9 | {SYSCONFIG: "BLOCK_RPCS=guest-exec", CONF: "[general]\nblock-rpcs=guest-ping\n"}
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
    found = filtered({CONF: f"[general]\nblock-rpcs={names},guest-fsfreeze-freeze\n"})
    assert isinstance(found, Unknown)
    assert "more than 500 RPCs" in found.reason


def test_an_unbalanced_quote_is_survived():
    assert filtered(unit("'--block-rpcs=guest-exec", "")).evidence == "no configuration filters any"


def test_an_unreadable_file_is_an_error():
    assert isinstance(filtered(RHEL_9 | {SYSCONFIG: Unreadable()}), Unknown)


# What `qemu-ga --dump-conf` of QEMU 7.2.22 (Debian 12) said of the same file and the same options.

IGNORED = "virtio-serial", "/dev/virtio-ports/org.qemu.guest_agent.0"


@pytest.mark.parametrize(
    ("text", "options", "blocked"),
    [
        ("[general]\nblock-rpcs=a;b, c \n", "", {"a;b", " c "}),
        ("[general]\n block-rpcs = a\nblock-rpcs=b\n", "-b c --bl=d --blacklist e", {"b", "c", "d", "e"}),
        ("[other]\nblock-rpcs=a\n", "", set()),
        ("[general]\n# x\n\n[general]\nblock-rpcs=q\n", "", {"q"}),
        ("[general]\nblock-rpcs[de]=q\n", "", set()),
        ("[ general ]\nblock-rpcs=q\n", "", set()),
        ("[general]\r\nblock-rpcs=q\r\n", "", {"q"}),
        ("  [general]\n  block-rpcs=a\n", "", {"a"}),
        ("[general]\nblacklist=z\nblock-rpcs=y\n", "", {"z"}),
        ("[general]\nblacklist=z\nblock-rpcs=y\\\nother=\\q\n", "", {"z"}),
        ("", "foo -b a bar -- -b c", {"a"}),
        ("", "-F -b x", {"x"}),
        ("", "-Fa -db x", {"x"}),
        ("", "-vdbx", {"x"}),
        ("", "--block-rpcs=", set()),
        ("", "--b=x", {"x"}),
    ],
)
def test_what_it_blocks(text: str, options: str, blocked: set[str]) -> None:
    found = read_settings(text, [(word, "unit") for word in options.split()])
    assert (found.problem, found.blocked) == ("", blocked)
    assert (found.method, found.port) == IGNORED


@pytest.mark.parametrize(
    ("text", "options", "port"),
    [
        ("[general]\npath=/a\\sb  \n", "", "/a b  "),
        ('[general]\npath="/a"\n', "", '"/a"'),
        ("", "--pa /x --meth isa-serial", "/x"),
        ("", "-m isa-serial", "/dev/ttyS0"),
        ("", "-misa-serial", "/dev/ttyS0"),
        ("[general]\npath=/a\n", "-p /b", "/b"),
        ("", "--path=", "."),
    ],
)
def test_where_it_listens(text: str, options: str, port: str) -> None:
    found = read_settings(text, [(word, "unit") for word in options.split()])
    assert (found.problem, found.port) == ("", port)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("block-rpcs=a\n", ""),
        ("[general]\nfoo\n", ""),
        ("[general]\ndaemon=yes\n", ""),
        ("\ufeff[general]\nblock-rpcs=q\n", ""),
        ("[general]\n=x\n", ""),
        ("[general]\nblock-rpcs=a\\;b\n", ""),
        ("[general]\nblock-rpcs=a\\qb\n", ""),
        ("[general] x\nblock-rpcs=a\n", ""),
        ("[general]\nblock-rpcs=a\\\n", ""),
        ("[general]\nblock-rpcs:a\n", ""),
        ("[general]\nblock-rpcs=a\nallow-rpcs=b\n", ""),
        ("", "--p x"),
        ("", "--v"),
        ("", "-b"),
        ("", "-x"),
        ("", "--service=x"),
        ("", "--version=3"),
        ("", "--daemonize=3"),
        ("", "-h"),
        ("", "--version"),
        ("", "-D"),
        ("", "-b help"),
        ("", "-b ?"),
        ("", "-b a -a b"),
        ("", "-m foo"),
        ("", "-m unix-listen"),
    ],
)
def test_what_ends_it(text: str, options: str) -> None:
    assert read_settings(text, [(word, "unit") for word in options.split()]).problem


def test_options_that_a_version_does_not_know_end_it() -> None:
    old = options_of(b"\x7fELF\0block-rpcs\0blacklist\0")
    assert read_settings(None, [("--allow-rpcs=x", "unit")], options=old).problem
    assert read_settings(None, [("-a", "unit"), ("x", "unit")], options=old).problem
    new = options_of(b"\x7fELF\0block-rpcs\0allow-rpcs\0config\0")
    assert read_settings(None, [("--allow-rpcs=x", "unit")], options=new).allowed == {"x"}
    assert read_settings(None, [("--blacklist=x", "unit")], options=new).problem
    assert read_settings(None, [("--blacklist=x", "unit")], options=options_of(b"stub")).blocked == {"x"}


def test_windows_has_an_option_of_its_own() -> None:
    assert filters_of_options("--service=x -b guest-exec", "ImagePath").value == ("guest-exec",)
