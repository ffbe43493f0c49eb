"""Untrusted bytes -> what they are, and whether they are safe: the gate (gate.py).

examine.py is its second door: what a qcow2's L2 tables name, before another program reads them. A format is a
module or a package of that name (qcow2/, vmdk/, vhdx/, vpc_*.py, vdi_layout.py, ova/) behind layout.py.
"""

from imgtool.formats.gate import admit, open_admitted, verify_unchanged

__all__ = ["admit", "open_admitted", "verify_unchanged"]
