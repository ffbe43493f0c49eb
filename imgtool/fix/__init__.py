"""`imgtool fix`: the guest repairs itself with its own tools, in a machine without a network, on a copy.

    plan.py      findings -> what is done for each, or why nothing is; pure
    repairs.py   the repairs: for each check a script, by the facts of the guest
    command_line.py  those that change the kernel's command line
    script.py    all scripts of a plan as the one that the machine runs; and its answers, read again
    packages.py  packages that the operator hands over, as a disk of that machine
    initrd.py    what is put behind the guest's initramfs: virtio from its own modules, and a first program
    machine.py   the sealed machine as QEMU's command line
    starting.py  the kernel that is started, the guest's own or this machine's (host_kernel.py), and its files
    session.py   one run of it: started, spoken to over the serial line, switched off
    repaired.py  a copy of an image: repaired, checked again, booted
    run.py       `imgtool fix`: that copy as a new image
    on_the_way.py  `imgtool prepare --fix` and `fix:` of a manifest: that copy to Glance

The original is never written. What the guest says of itself is not believed: the checks read the disk again,
and the image is booted on virtio as Nova would, before anything gets the target's name.
"""
