"""imgtool: inspect, convert, check and upload virtual machine images for OpenStack.

The map. Imports go one way only, from the top of this list to its end (tests/test_architecture.py holds it):

    cli/          click; the only place that prints or exits
    machine.py    what this machine has, for `imgtool doctor`
    report/       facts and findings -> text, JSON, JUnit, SARIF, GitHub annotations, HTML
    batch/        many images: manifest, plan, journal, one process an image
    pipeline.py   prepare: the story of one image, top to bottom
    policy/       profiles and policy files -> which checks run, and how
    convert.py    plan (pure), execute, verify
    guest_box.py  reads a guest in the box
    glance/       Keystone and Glance: plan, upload, verify
    boot/         the proof: QEMU, a config drive, the guest agent
    checks/       one file, one check: facts -> finding
    guest/        disk -> volumes -> file systems -> GuestFacts; the only importer of dissect
    disk/         the bytes of a disk, whatever file they are kept in
    qemu_img.py   one typed function per verb of qemu-img
    formats/      untrusted bytes -> what they are, and whether they are safe: the gate
    box/          a process in which hostile bytes are read, and nothing else can be done
    drivers.py    which drivers reach a virtio machine's hardware, and which are there when
    process.py    the only importer of subprocess
    documents.py  an operator's YAML -> a model; an error names file, line and key
    interrupts.py puts off ^C while something must not be torn apart
    locks.py      locks on files, which end with their process
    progress.py   what long work tells whoever watches
    streams.py    the seekable stream that disks, volumes and files share
    text.py       untrusted text and sizes, made printable
    model/        the data that flows: every type, frozen
    errors.py     one hierarchy; each class knows its exit status

Read model/__init__.py next, then pipeline.py.
"""

__version__ = "0.1.0"
