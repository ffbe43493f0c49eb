"""cloud-init runs to its end and finds its datasource: shown by a boot.

What it checks
    Where `--boot` asked for it: in every boot of a throwaway copy of the image, with a config drive as Nova
    makes it, cloud-init said on the serial console that it finished, and with which datasource.
    DataSourceNone is a failure. Skipped where no boot was run, on Windows, and where cloud-init is not
    installed; a policy with `required: true` asks for a boot.

Why it matters
    An instance without cloud-init has no SSH key, no hostname and no grown root file system: nobody can log
    in. A datasource list without OpenStack and ConfigDrive, or a module that fails, shows only here.

How to fix
    cloud-init status --long                in the guest: what failed
    cloud-init clean --logs                 before the image is taken, so that it runs again
    Leave datasource_list unset, or name ConfigDrive and OpenStack in it (cloud-init-datasource).
"""

from collections.abc import Sequence
from dataclasses import replace

from imgtool.checks.booted import REMEDY, check_of_boots, how, stopped_verdict
from imgtool.checks.check import Verdict, failed, is_false, passed, skipped, unknown
from imgtool.model.boot import BootResult
from imgtool.model.facts import Unknown
from imgtool.model.inspection import Inspection

NO_DATASOURCE = "DataSourceNone"
ADD_CONSOLE = (
    "let it be seen there: console=tty0 console=ttyS0,115200 on the kernel's command line, and cloud-init's "
    "own `output` as the distribution has it"
)


def judge(inspection: Inspection, boots: Sequence[BootResult]) -> Verdict:
    """It finished in every boot."""
    linux = inspection.guest.linux
    if linux is None and inspection.guest.windows is not None:
        return skipped("not a Linux system: it is Windows")
    if linux is not None and is_false(linux.cloud_init.installed):
        return skipped("cloud-init is not installed (cloud-init-installed judges that)")
    verdicts = [_judge_one(one) for one in boots]
    return next((one for one in verdicts if one.remedy), verdicts[0])


def _judge_one(boot: BootResult) -> Verdict:
    run = boot.cloud_init
    if isinstance(run, Unknown):
        if boot.answered:
            return replace(unknown(run.reason), remedy=ADD_CONSOLE)
        return stopped_verdict(boot, "cloud-init did not run")
    if not run.value.done:
        return failed("cloud-init did not come to its end in time", f"{how(boot)} | {run.evidence}", REMEDY)
    if run.value.datasource == NO_DATASOURCE:
        return failed(
            "cloud-init finds no datasource: it ignores the config drive",
            f"{how(boot)} | {run.evidence}",
            "leave datasource_list unset in /etc/cloud/cloud.cfg.d, or name ConfigDrive and OpenStack in it",
        )
    with_source = f" with {run.value.datasource}" if run.value.datasource else ""
    return passed(f"cloud-init runs to its end{with_source}", run.evidence)


CHECK = check_of_boots("cloud-init-runs", judge)
