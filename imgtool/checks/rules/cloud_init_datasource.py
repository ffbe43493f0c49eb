"""cloud-init may use OpenStack's datasources.

What it checks
    The merged datasource_list of /etc/cloud/cloud.cfg and /etc/cloud/cloud.cfg.d has OpenStack or
    ConfigDrive. A list that is not set allows all. What ds-identify makes of that counts: its policy and its
    datasource in /etc/cloud/ds-identify.cfg and on the kernel's command line (ci.ds=, ci.di.policy=), and the
    lines that it reads by itself, whether they are valid YAML or not. A seed in the image is taken first.
    Where another system stands in cloud-init's place (Ignition, cirros-init, tiny-cloud), that one's platform
    or list is judged.

Why it matters
    An image made for another cloud (datasource_list: [ Ec2 ] or [ NoCloud ]) never asks Nova's metadata
    service or config drive, and comes up without keys.

How to fix
    Write into /etc/cloud/cloud.cfg.d/99-openstack.cfg:
        datasource_list: [ OpenStack, ConfigDrive, None ]
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity

OPENSTACK = frozenset({"OpenStack", "ConfigDrive"})


def judge(linux: LinuxFacts) -> Verdict:
    """The list is empty (all are allowed), or one of OpenStack's is on it."""
    if is_false(linux.cloud_init.installed):
        return _other(linux)
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


def _other(linux: LinuxFacts) -> Verdict:
    """What stands in cloud-init's place has to ask OpenStack, too."""
    other = linux.first_boot.value if isinstance(linux.first_boot, Known) else None
    if other is None or other.on_openstack is None:
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    if other.on_openstack:
        return passed(f"{other.name} asks OpenStack", other.evidence)
    return failed(
        f"{other.name}, which sets an instance up here, does not ask OpenStack",
        other.evidence,
        "take the vendor's image for OpenStack, or set that to OpenStack's metadata",
    )


CHECK = Check("cloud-init-datasource", Severity.ERROR, on_linux(judge))
