"""cloud-init may use OpenStack's datasources.

What it checks
    The merged datasource_list of /etc/cloud/cloud.cfg and /etc/cloud/cloud.cfg.d has OpenStack or
    ConfigDrive. A list that is not set allows all.

Why it matters
    An image made for another cloud (datasource_list: [ Ec2 ] or [ NoCloud ]) never asks Nova's metadata
    service or config drive, and comes up without keys.

How to fix
    Write into /etc/cloud/cloud.cfg.d/99-openstack.cfg:
        datasource_list: [ OpenStack, ConfigDrive, None ]
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.judgement import Severity
from imgtool.model.linux import LinuxFacts

OPENSTACK = frozenset({"OpenStack", "ConfigDrive"})


def judge(linux: LinuxFacts) -> Verdict:
    """The list is empty (all are allowed), or one of OpenStack's is on it."""
    if is_false(linux.cloud_init.installed):
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    match linux.cloud_init.datasources:
        case Unknown(reason):
            return unknown(reason)
        case Known(names, evidence):
            if not names:
                return passed("datasources are not restricted", evidence)
            if OPENSTACK.intersection(names):
                return passed(f"datasources: {', '.join(names)}", evidence)
            return failed(
                f"cloud-init may only use {', '.join(names)}",
                evidence,
                "write `datasource_list: [ OpenStack, ConfigDrive, None ]` into "
                "/etc/cloud/cloud.cfg.d/99-openstack.cfg",
            )


CHECK = Check("cloud-init-datasource", Severity.ERROR, on_linux(judge))
