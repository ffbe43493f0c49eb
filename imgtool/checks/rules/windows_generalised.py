r"""Windows was generalised by Sysprep, and Cloudbase-Init makes each instance its own.

What it checks
    Of a Windows guest: ImageState, at SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State in the registry,
    is IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE; an answer file is where Windows Setup looks for it; the service
    cloudbase-init starts by itself, and its program is there. Skipped for other guests.

Why it matters
    Without Sysprep each instance is the same machine: one name, one SID, one set of certificates, the drivers
    and network settings of where it was made; domains, WSUS and backups mix them up. Without an answer file
    the first boot stops at Windows' questions, on a console that nobody looks at. Without Cloudbase-Init an
    instance has no password, no name and no keys from OpenStack.

How to fix
    In the guest, as the last thing before it is switched off, with Cloudbase-Init installed:
        cd "C:\Program Files\Cloudbase Solutions\Cloudbase-Init\conf"
        C:\Windows\System32\Sysprep\sysprep.exe /generalize /oobe /shutdown /unattend:Unattend.xml
    Its installer offers both. What is to be one machine's copy, and no template, may be left as it is.
"""

from collections.abc import Iterator

from imgtool.checks.check import Check, Verdict, failed, passed, skipped, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity
from imgtool.model.windows import WindowsFacts, WindowsSetup

GENERALISED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
AUDIT = "IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT"
SYSPREP = (
    r"in the guest, with Cloudbase-Init installed: `C:\Windows\System32\Sysprep\sysprep.exe /generalize "
    "/oobe /shutdown /unattend:Unattend.xml`, with the Unattend.xml of Cloudbase-Init's folder conf"
)
INSTALL = "install Cloudbase-Init (https://cloudbase.it/cloudbase-init), and let it run Sysprep"


def examine(inspection: Inspection) -> Verdict:
    """The state, the answer file, and Cloudbase-Init."""
    guest = inspection.guest
    if guest.windows is not None:
        return _judge(guest.windows)
    return skipped("not a Windows system") if guest.linux is not None else unknown(guest.reason)


def _judge(windows: WindowsFacts) -> Verdict:
    setup, cloud_init = windows.setup, windows.cloud_init
    faults = [*_faults_of_setup(setup.value)] if isinstance(setup, Known) else []
    missing = isinstance(cloud_init, Known) and not cloud_init.value
    if missing:
        faults.append("Cloudbase-Init does not run in it")
    evidence = "; ".join(one.evidence for one in (setup, cloud_init) if isinstance(one, Known))
    if faults:
        return failed(
            f"Windows is no template: {'; '.join(faults)}", evidence, INSTALL if missing else SYSPREP
        )
    for fact in (setup, cloud_init):
        if isinstance(fact, Unknown):
            return unknown(fact.reason)
    return passed("Windows is generalised, and Cloudbase-Init is there", evidence)


def _faults_of_setup(setup: WindowsSetup) -> Iterator[str]:
    if setup.image_state == AUDIT:
        yield "it starts in audit mode, and waits for an administrator"
    elif setup.image_state != GENERALISED:
        yield f"it was not generalised ({setup.image_state})"
    elif setup.answer_file is None:
        yield "its first boot asks questions: there is no answer file (Unattend.xml)"


CHECK = Check("windows-generalised", Severity.WARNING, examine)
