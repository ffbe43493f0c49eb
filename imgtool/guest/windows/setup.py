"""In which state Windows Setup left a system: ready for a first boot as another machine, or somebody's own.

Sources: Microsoft, "Windows Setup States" (ImageState, in the registry and in State.ini), and "Windows Setup
automation overview", implicit answer file search order. Cloudbase-Init has Sysprep run with an answer file of
its own, so that nobody has to answer the first boot.
"""

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.paths import guest_path
from imgtool.model.facts import Known
from imgtool.model.windows import WindowsSetup

STATE = r"Microsoft\Windows\CurrentVersion\Setup\State"
STATE_FILE = "/Windows/Setup/State/State.ini"
MAX_STATE_BYTES = 64 << 10
ANSWER_FILES = (
    "/Windows/Panther/Unattend/Unattend.xml",
    "/Windows/Panther/Unattend/Autounattend.xml",
    "/Windows/Panther/Unattend.xml",
    "/Windows/Panther/Autounattend.xml",
    "/Windows/System32/Sysprep/Unattend.xml",
    "/Unattend.xml",
    "/Autounattend.xml",
)
"""Where Setup looks without a word in the registry, on the disk itself, in this order."""


def read_setup(tree: GuestTree, hives: Hives) -> Known[WindowsSetup]:
    """ImageState, and the answer file of the next first boot. Raises GuestReadError without a state."""
    key = hives.software().key(STATE)
    state = key.text("ImageState") if key is not None else None
    evidence = hives.evidence(f"{key.where}: ImageState={state}", "SOFTWARE") if key is not None else ""
    if not state:
        state = _state_of_file(tree)
        evidence = f"{STATE_FILE}: ImageState={state}"
    if not state:
        raise GuestReadError(f"neither SOFTWARE\\{STATE} nor {STATE_FILE} has an ImageState")
    return Known(WindowsSetup(state.upper(), _answer_file(tree, hives)), evidence)


def _state_of_file(tree: GuestTree) -> str | None:
    """Read the same in a file, which Windows writes in UTF-16 or in ASCII."""
    stream = tree.open(STATE_FILE)
    if stream is None:
        return None
    content = stream.read(MAX_STATE_BYTES)
    text = content.decode("utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    pairs = (line.partition("=") for line in text.splitlines())
    return next((value.strip() for name, _, value in pairs if name.strip().lower() == "imagestate"), None)


def _answer_file(tree: GuestTree, hives: Hives) -> str | None:
    setup = hives.system().key("Setup")
    named = setup.text("UnattendFile") if setup is not None else None
    paths = (*((guest_path(named),) if named else ()), *ANSWER_FILES)
    return next((path for path in paths if tree.size_bytes(path) > 0), None)
