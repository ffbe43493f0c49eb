"""Boots an image on the hardware that Nova gives, and asks its agent: the proof.

    run.py           boots an image once for each bus, and says how it came up
    session.py       one boot: what it needs, what it showed
    crowding.py      whether a busy machine is what stopped a boot
    accelerator.py   KVM where it really runs a guest, else TCG; what QEMU, which is confined, may open
    firmware.py      BIOS or UEFI, and where this machine has it
    config_drive.py  the guest's first boot: what Nova would tell cloud-init
    machine.py       the virtual machine as QEMU's command line
    qemu.py          QEMU while it runs: its console is read, its agent asked
    console.py       the serial console: lines, and when each came
    watch.py         what the console shows so far
    waiting.py       until the agent answers, or there is no hope
    agent.py         the agent's protocol, and what its answers say
    compare.py       the guest's word against the inspection's
    diagnosis/       a serial log -> how far it came, and why not further

The image is never written: QEMU gets a descriptor that is open for reading, and a qcow2 of the guest's own
above it. Everything that comes from the guest is hostile.
"""
