"""Untrusted bytes -> what they are, and whether they are safe: the gate (gate.py)."""

from imgtool.formats.gate import admit, open_admitted, verify_unchanged

__all__ = ["admit", "open_admitted", "verify_unchanged"]
