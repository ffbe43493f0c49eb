"""The last two steps of a boot's story."""

from typing import Any

import pytest
from support import facts
from support.facts import UNREADABLE, known

from imgtool.guest.system_steps import service_steps

RULE = "/usr/lib/udev/rules.d/60-qemu-guest-agent.rules: SYSTEMD_WANTS"


def test_both_go_on() -> None:
    cloud, agent = service_steps(facts.cloud_init(), facts.agent())
    assert (cloud.outcome, cloud.summary) == ("goes-on", "cloud-init with all datasources")
    assert (agent.outcome, agent.summary, agent.place) == ("goes-on", "qemu-guest-agent answers", RULE)


@pytest.mark.parametrize(
    ("changed", "outcome", "place"),
    [
        ({"enabled": known(False, "masked")}, "stops", "masked"),
        ({"installed": known(False, "gone")}, "stops", "gone"),
        ({"channel": known(False, "other port")}, "stops", "other port"),
        ({"enabled": UNREADABLE}, "unknown", UNREADABLE.reason),
    ],
)
def test_the_agent(changed: dict[str, Any], outcome: str, place: str) -> None:
    *_, agent = service_steps(facts.cloud_init(), facts.agent(**changed))
    assert (agent.outcome, agent.place) == (outcome, place)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"enabled": known(False, "masked")}, "stops"),
        ({"installed": UNREADABLE}, "unknown"),
        ({"datasources": UNREADABLE}, "unknown"),
        ({"datasources": known(("OpenStack",))}, "goes-on"),
    ],
)
def test_cloud_init(changed: dict[str, Any], outcome: str) -> None:
    cloud, _ = service_steps(facts.cloud_init(**changed), facts.agent())
    assert cloud.outcome == outcome
