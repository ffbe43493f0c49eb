"""imgtool: inspect, convert, check and upload virtual machine images for OpenStack.

The map. Imports go one way only, from the top of this list to its end (tests/test_architecture.py holds it):

    cli/          click; the only place that prints or exits
    api.py        the same for Python: inspect, check, convert, upload, prepare
    diff/         two images, or what was saved of them -> what differs
    doctor.py     what this machine has, for `imgtool doctor`
    report/       facts and findings -> text, JSON, JUnit, SARIF, GitHub annotations, HTML, CycloneDX, SPDX
    batch/        many images: manifest, plan, journal, one process an image
    fix/          the guest repairs a copy of itself, in a machine without a network
    pipeline/     one image: inspected, judged, converted, delivered
    policy/       profiles and policy files -> which checks run, and how
    convert/convert.py    plan (pure), execute, verify
    compute/      Nova: a throwaway server from an image that is in Glance
    glance/       Keystone and Glance: plan, upload, verify
    boot/         the proof: QEMU, a config drive, the guest agent
    checks/       one file, one check: facts -> finding
    convert/      the fast path: sources, sinks, and the engine between them; bytes for an upload
    guest/        disk -> volumes -> file systems -> GuestFacts; the only importer of dissect
    fetch/        files from http(s), each proven to be the one that was meant
    disk/         opens what the user named; the disk inside it as one stream
    formats/      untrusted bytes -> what they are, and whether they are safe: the gate
    process/      other programs; qemu-img and QEMU are confined to the image that they are given
    sandbox/      a process in which hostile bytes are read, and nothing else can be done
    model/        the data that flows: every type, frozen
    util/         text and sizes, output files, locks, forks, progress, the log, YAML: nothing of images
    errors.py     one hierarchy; each class knows its exit status

Read model/__init__.py next, then pipeline/__init__.py.

`from imgtool import inspect, check, convert, upload, prepare` gives the functions of api.py, which is loaded
then, and not before.
"""

__version__ = "0.1.0"
__all__ = ["check", "convert", "inspect", "prepare", "upload"]

TYPE_CHECKING = False
"""What type checkers know by its name to be true; `typing` would be loaded for nothing."""
if TYPE_CHECKING:
    from imgtool.api import check, convert, inspect, prepare, upload


def __getattr__(name: str) -> object:
    """Load a function of the Python API when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'imgtool' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - each command would load it

    if name == "convert":  # the package of that name, which can be called
        return import_module("imgtool.convert")
    return getattr(import_module("imgtool.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
