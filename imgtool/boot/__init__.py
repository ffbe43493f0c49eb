"""Boots an image on the hardware that Nova gives, and asks its agent: the proof.

    prove.py          the story of it, top to bottom: one boot for each bus
    bench.py          one boot: what it needs, what it showed
    accelerator.py    KVM where it really runs a guest, else TCG
    firmware.py       BIOS or UEFI, and where this machine has it
    config_drive.py   the guest's first boot: what Nova would tell cloud-init
    hardware.py       the machine as QEMU's command line
    guest.py          QEMU while it runs: its console is read, its agent asked
    console_log.py    the serial console: lines, and when each came
    watch.py          what the console shows so far
    waiting.py        until the agent answers, or there is no hope
    agent_channel.py  the agent's protocol
    agent_facts.py    what its answers say
    compare.py        the guest's word against the inspection's
    diagnosis.py      a serial log -> how far it came, and why not further (serial/)

The image is never written: QEMU gets a descriptor that is open for reading, and a qcow2 of the guest's own
above it. Everything that comes from the guest is hostile.
"""
