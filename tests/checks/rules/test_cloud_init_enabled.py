import pytest
from support import facts
from support.facts import known

from imgtool.checks.rules.cloud_init_enabled import judge


@pytest.mark.parametrize(
    ("evidence", "remedy"),
    [
        ("cloud-init.target: /etc/systemd/system/cloud-init.target masks it", "systemctl unmask"),
        ("/usr/bin/cloud-init is not executable", "--install cloud-init"),
        ("cloud-init.service: ReadWritePaths=/gone is not there, and no `-` before it says", "that setting"),
        ("cloud-init.service: ProtectSystem=full keeps it from writing in /etc", "that setting"),
        ("cloud-init.service: EnvironmentFile /gone is not there", "that setting"),
        ("nothing starts cloud-init.service: no users and no keys are made", "systemctl enable"),
        ("/etc/cloud/cloud-init.disabled", "rm /etc/cloud/cloud-init.disabled"),
    ],
)
def test_the_remedy_is_that_of_what_was_seen(evidence: str, remedy: str) -> None:
    cloud = facts.cloud_init(enabled=known(False, evidence))
    assert remedy in judge(facts.linux(cloud_init=cloud)).remedy
