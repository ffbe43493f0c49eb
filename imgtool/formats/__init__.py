"""Untrusted bytes -> what they are, and whether they are safe: the gate (gate.py)."""
