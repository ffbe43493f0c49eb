"""Where a disk goes: each module fills in `disk.base.Sink`."""
