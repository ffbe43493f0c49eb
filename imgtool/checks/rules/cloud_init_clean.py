"""cloud-init has not run in this image.

What it checks
    Nothing of an instance in /var/lib/cloud: no instance link, nothing in instances, data and sem.

Why it matters
    What ran once does not run again: modules with the frequency "once" are skipped on every new instance, and
    where the datasource cannot be asked, that of the old instance is taken, with its host name and its keys.

How to fix
    cloud-init clean --logs --seed --machine-id
    In an image file:  virt-customize -a IMAGE --run-command 'cloud-init clean --logs'
"""

from imgtool.checks.check import Check, Verdict, failed, is_false, on_linux, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """No instance left anything."""
    if is_false(linux.cloud_init.installed):
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    match linux.cloud_init.leftovers:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed("no instance left anything behind", evidence)
        case Known(_, evidence):
            return failed("an instance has run from this image", evidence, "`cloud-init clean --logs`")


CHECK = Check("cloud-init-clean", Severity.WARNING, on_linux(judge))
