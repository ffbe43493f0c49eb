from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.boot import agent
from imgtool.model.boot import GuestFilesystem, GuestInterface
from imgtool.model.facts import Known, Unknown

ANSWERS: dict[str, Any] = {
    "guest-info": {
        "version": "7.2.22",
        "supported_commands": [
            {"name": "guest-ping", "enabled": True, "success-response": True},
            {"name": "guest-exec", "enabled": False, "success-response": True},
        ],
    },
    "guest-get-osinfo": {"id": "debian", "version-id": "12", "kernel-release": "6.1.0-41-cloud-amd64"},
    "guest-get-host-name": {"host-name": "imgtool-boot"},
    "guest-network-get-interfaces": [
        {"name": "lo", "ip-addresses": [{"ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128}]},
        {
            "name": "enp3s0",
            "hardware-address": "fa:16:3e:00:00:01",
            "ip-addresses": [{"ip-address": "10.0.2.15", "ip-address-type": "ipv4", "prefix": 24}],
        },
    ],
    "guest-get-fsinfo": [
        {"name": "vda2", "mountpoint": "/", "type": "ext4", "total-bytes": 3 << 30, "used-bytes": 1 << 30},
        {"name": "vda1", "mountpoint": "/boot/efi", "type": "vfat"},
    ],
    "guest-fsfreeze-status": "thawed",
}


def test_what_an_agent_says() -> None:
    facts = agent.read(ANSWERS)
    assert facts.version == Known("7.2.22", "guest-info")
    assert facts.disabled_rpcs == Known(("guest-exec",), "guest-info")
    assert facts.os_id == Known("debian", "guest-get-osinfo")
    assert facts.os_version == Known("12", "guest-get-osinfo")
    assert facts.kernel_release == Known("6.1.0-41-cloud-amd64", "guest-get-osinfo")
    assert facts.hostname == Known("imgtool-boot", "guest-get-host-name")
    assert facts.fsfreeze_status == Known("thawed", "guest-fsfreeze-status")
    assert isinstance(facts.interfaces, Known)
    assert facts.interfaces.value == (
        GuestInterface("lo", None, ("::1/128",)),
        GuestInterface("enp3s0", "fa:16:3e:00:00:01", ("10.0.2.15/24",)),
    )
    assert isinstance(facts.filesystems, Known)
    assert facts.filesystems.value == (
        GuestFilesystem("vda2", "/", "ext4", 3 << 30, 1 << 30),
        GuestFilesystem("vda1", "/boot/efi", "vfat", None, None),
    )


def test_every_command_has_a_use_and_every_use_a_command() -> None:
    assert set(ANSWERS) == set(agent.COMMANDS)


@pytest.mark.parametrize("command", agent.COMMANDS)
def test_a_command_that_failed_makes_its_facts_unknown_and_no_others(command: str) -> None:
    reason = Unknown(f"{command}: it is disabled")
    facts = agent.read({**ANSWERS, command: reason})
    unknown = {name for name in facts.__slots__ if isinstance(getattr(facts, name), Unknown)}
    whole = agent.read({command: ANSWERS[command]})
    assert unknown == {name for name in whole.__slots__ if isinstance(getattr(whole, name), Known)}
    assert {getattr(facts, name) for name in unknown} == {reason}


NONSENSE: list[tuple[str, Any]] = [
    ("guest-info", []),
    ("guest-info", {"version": 7, "supported_commands": {}}),
    ("guest-info", {"version": None, "supported_commands": [1]}),
    ("guest-get-osinfo", "debian"),
    ("guest-get-host-name", {"host-name": ["a"]}),
    ("guest-network-get-interfaces", {"name": "lo"}),
    ("guest-network-get-interfaces", [{"name": "lo", "ip-addresses": [{"ip-address": "1", "prefix": "8"}]}]),
    ("guest-network-get-interfaces", [{"name": "lo", "ip-addresses": 5}]),
    ("guest-network-get-interfaces", [{"name": "lo"}] * (agent.MAX_ENTRIES + 1)),
    ("guest-get-fsinfo", [{"name": "vda", "mountpoint": "/", "type": "ext4", "total-bytes": -1}]),
    ("guest-get-fsinfo", [{"name": "vda", "mountpoint": "/", "type": "ext4", "total-bytes": True}]),
    ("guest-get-fsinfo", [{"name": "vda", "mountpoint": "/", "type": "ext4", "total-bytes": 1 << 70}]),
    ("guest-fsfreeze-status", {"status": "thawed"}),
]


@pytest.mark.parametrize(("command", "answer"), NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_unknown_with_the_command_as_reason(command: str, answer: Any) -> None:
    facts = agent.read({command: answer})
    for name in facts.__slots__:
        found = getattr(facts, name)
        assert isinstance(found, Unknown)
        assert command in found.reason or "was not asked" in found.reason


def test_text_is_short_and_printable() -> None:
    facts = agent.read({"guest-get-host-name": {"host-name": "\x1b[31m" + "x" * 10_000}})
    assert isinstance(facts.hostname, Known)
    assert facts.hostname.value.startswith("\\x1b[31mxxx")
    assert len(facts.hostname.value) <= agent.MAX_TEXT_CHARACTERS + 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(agent.COMMANDS), JSON))
def test_any_json_at_all_is_read(answers: dict[str, Any]) -> None:
    agent.read(answers)
