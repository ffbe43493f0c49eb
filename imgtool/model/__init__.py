"""The data that flows through imgtool, in the order in which it flows. Every type is frozen.

    path -> DiskImage -> GuestFacts -> Inspection -> Finding -> ConversionPlan -> ConversionResult
         -> UploadPlan -> UploadResult -> Story

    facts.py       Fact: known with its evidence, or unknown with the reason; never absent, never a pass
    image.py       DiskImage: a file that has passed the gate, and what its headers say
    look_for.py    what a policy wants to be looked for in the guest
    layout.py      partitions, file systems, what can start the disk
    kernel.py      kernels, their initramfs, the modules of both
    services.py    qemu-guest-agent and cloud-init
    linux.py       what is inside a Linux guest
    windows.py     what is inside a Windows guest
    guest.py       GuestFacts: all of it
    inspection.py  Inspection: image and guest; what the checks judge
    judgement.py   Finding, Judgement
    conversion.py  ConversionPlan, ConversionResult
    delivery.py    UploadPlan, UploadResult
    story.py       Story: how far one image came; what reports tell
    boot.py        BootOptions, BootResult: what starting an image showed
    batch.py       Task, BatchPlan, TaskRecord: many images

Sizes and offsets end in `_bytes`. Each module is imported by its own name: few commands need them all.
"""
