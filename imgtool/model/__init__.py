"""The data that flows through imgtool, in the order in which it flows. Every type is frozen.

    path -> DiskImage -> GuestFacts -> Inspection -> Finding -> ConversionPlan -> ConversionResult
         -> UploadPlan -> UploadResult -> ImageResult

    facts.py       Fact: known with its evidence, or unknown with the reason; never absent, never a pass
    image.py       DiskImage: a file that has passed the gate, and what its headers say
    layout.py      partitions, file systems, what can start the disk
    kernel.py      kernels, their initramfs, the modules of both; drivers.py: which reach a virtio machine
    boot_path.py   the steps of the boot, as the disk foretells them
    secure_boot.py the chain of signatures from the firmware to the kernel
    services.py    from init to the default target; qemu-guest-agent and cloud-init
    linux.py       what is inside a Linux guest
    windows.py     what is inside a Windows guest
    inventory.py   packages.py, accounts, units, settings: what is read only where it is asked for
    guest.py       GuestFacts: all of it
    inspection.py  Inspection: image and guest; what the checks judge
    verdict.py     Finding, Judgement
    conversion.py  ConversionPlan, ConversionResult
    delivery.py    GlanceTarget, UploadPlan, UploadResult; validation.py: targets that contradict themselves
    nova_properties.py  the image properties that Nova knows, and their values
    result.py      ImageResult: what became of one image; what reports show
    boot.py        BootOptions, BootResult: what starting an image showed
    batch.py       Task, BatchPlan, TaskRecord: many images

Sizes and offsets end in `_bytes`. Each module is imported by its own name: few commands need them all.
"""
