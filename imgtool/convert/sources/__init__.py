"""Where a disk comes from: each module fills in `disk.base.Source`."""
