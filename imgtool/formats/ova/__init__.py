"""An OVA: a tar archive (tar.py), read in place, with an OVF (ovf.py) that names its disks (ova.py)."""
