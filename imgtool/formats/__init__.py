"""Untrusted bytes -> what they are, and whether they are safe: the gate (gate.py).

examine.py is its second door: what a qcow2's L2 tables name, before another program reads them.
"""

from imgtool.formats.gate import admit, open_admitted, verify_unchanged

__all__ = ["admit", "open_admitted", "verify_unchanged"]
